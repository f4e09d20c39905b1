import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Controls } from './controls.ts'
import { FaultSpec } from './faults.ts'
import { InjectedRecord } from './overlay.ts'
import { sendProblem } from './problems.ts'

const changedShare = Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))

/** The controls over HTTP; they need no token and no fault reaches them. */
export const controlRoutes: FastifyPluginAsyncTypebox<{ controls: Controls }> = async (app, { controls }) => {
  app.post('/_days', { schema: { body: Type.Object({ changedShare }) } }, async request =>
    controls.newDay(request.body.changedShare)
  )
  app.post('/_records', { schema: { body: Type.Array(InjectedRecord) } }, async request => {
    controls.putRecords(request.body)
    return { injected: request.body.length }
  })
  app.delete('/_records/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, async (request, reply) =>
    controls.deleteRecord(request.params.id)
      ? reply.code(204).send()
      : sendProblem(reply, 404, 'No record was injected under this id.')
  )
  app.post(
    '/_clock',
    { schema: { body: Type.Object({ advanceSeconds: Type.Number({ minimum: 0 }) }) } },
    async request => ({ now: controls.advanceClock(request.body.advanceSeconds) })
  )
  app.post('/_faults', { schema: { body: FaultSpec } }, async (request, reply) =>
    reply.code(201).send(controls.addFault(request.body))
  )
  app.get('/_faults', async () => controls.listFaults())
  app.delete('/_faults', async (_request, reply) => {
    controls.clearFaults()
    return reply.code(204).send()
  })
  app.get('/_stats', async () => controls.stats())
  app.get('/_requests', async () => controls.requests())
}
