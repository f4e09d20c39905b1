import type { FastifyInstance } from 'fastify'
import { AsyncTask, SimpleIntervalJob } from 'toad-scheduler'
import { type ChainContext, chainEvents } from './append.ts'

const id = 'audit chain'

/** Gives events their links every second while the app runs, and a last time when it closes. */
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
        // It is tried every second: an outage is told once.
        if (!isFailing) logger.error({ err: error, task: id }, 'audit events wait for their links')
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
    // It is not there where the app never became ready.
    if (app.scheduler.existsById(id)) app.scheduler.removeById(id)
    await running
    await chain()
  })
}
