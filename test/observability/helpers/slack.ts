import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { until } from '../../e2e/process.ts'

/** What an incoming webhook of Slack is sent. */
export interface SlackMessage {
  title: string
  text: string
  color: string
}

export interface Slack {
  url: string
  messages: SlackMessage[]
  /** Waits for the first message from `since` on that says that the alert of this title fires, or ends; returns its part. */
  told(what: 'fires' | 'ends', title: string, since?: number): Promise<string>
  /** Returns how many messages said that the alert of this title has ended. */
  endings(title: string): number
}

/** A second or two on a quiet machine. */
const timeoutMs = 180_000

/** Starts what looks like Slack to Alertmanager. Ended with the test. */
export async function startSlack(t: TestContext): Promise<Slack> {
  const messages: SlackMessage[] = []
  const server = createServer(async (request, response) => {
    const { attachments } = JSON.parse(await Array.fromAsync(request).then(chunks => Buffer.concat(chunks).toString()))
    messages.push(...attachments)
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const partOf = ({ text }: SlackMessage, what: 'fires' | 'ends', title: string) =>
    what === 'fires'
      ? text.split(/(?=^:)/m).find(part => part.startsWith(`:red_circle: *${title}*`))
      : text.split('\n').find(line => line.startsWith(':white_check_mark:') && line.includes(`*${title}*`))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/invented`,
    messages,
    async told(what, title, since = 0) {
      const find = () =>
        messages
          .slice(since)
          .map(message => partOf(message, what, title))
          .find(Boolean)
      await until(`Slack gets "${title}" ${what}`, async () => find() !== undefined, timeoutMs)
      return find() as string
    },
    endings: title => messages.filter(message => partOf(message, 'ends', title)).length
  }
}
