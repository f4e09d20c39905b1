import type { FastifyInstance } from 'fastify'
import { AsyncTask, SimpleIntervalJob } from 'toad-scheduler'
import { type ChainContext, chainEvents } from './append.ts'

const id = 'audit chain'

/** Adds new events to the chain every second while the app runs, and once more when it closes. */
export function keepChain(app: FastifyInstance, context: ChainContext): void {
  const { logger } = context
  let running = Promise.resolve()
  let isFailing = false
  const chain = () => {
    running = chainEvents(context).then(
      () => {
        isFailing = false
      },
      error => {
        // This runs every second, so an outage is logged once.
        if (!isFailing)
          logger.error({ err: error, task: id }, 'audit events could not be added to the chain; it is tried again')
        isFailing = true
      }
    )
    return running
  }
  app.addHook('onReady', async () => {
    const task = new AsyncTask(id, chain)
    app.scheduler.addSimpleIntervalJob(new SimpleIntervalJob({ seconds: 1 }, task, { id, preventOverrun: true }))
  })
  app.addHook('onClose', async () => {
    // Undefined if the app never became ready.
    if (app.scheduler.existsById(id)) app.scheduler.removeById(id)
    await running
    await chain()
  })
}
