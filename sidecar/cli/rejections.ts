import { Command, Option } from 'commander'
import { showsRejectionPage } from '../api/rejections.ts'
import { recordDisclosures } from '../audit/disclosures.ts'
import { loadConfig } from '../config.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import { startService } from '../main.ts'
import { createDatabase, type Transaction } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { counted } from '../platform/plural.ts'
import { codeText } from '../platform/problem-texts.ts'
import { keepHeapSmall } from '../platform/small-heap.ts'
import type { Foreseen } from '../registry/foresee.ts'
import { dismissRejections } from '../review/dismiss.ts'
import { type ReviewRejection, readRejections } from '../review/read.ts'
import { betweenBatches, EffectsNotShown, type ResolveContext, resolveRejection } from '../review/resolve.ts'
import { type RetryContext, retryRejections } from '../review/retry.ts'
import { loadDescription, mappingOf } from '../source/load.ts'
import { loadReader } from '../sync/load-reader.ts'
import type { ReviewCaller, Selection } from '../sync/open-rejections.ts'
import { reprocessSelected } from '../sync/reprocess.ts'
import { type RejectionCode, rejectionCodes } from '../transform/codes.ts'
import { commandCaller, errorLogger, print, withDatabase } from './command.ts'
import { followRun } from './follow.ts'
import { reasonOption } from './reason.ts'
import { renderSummary, summarize } from './summary.ts'
import { id, rowPlace, wholeNumber } from './values.ts'
import { withQueue } from './with-queue.ts'
import { withSecret } from './with-secret.ts'

/** More rows would need too much memory or too long a transaction. */
const mostAtOnce = 1_000_000

interface SelectOptions {
  code?: RejectionCode
  batch?: number
  limit: number
  json?: boolean
}

/** Returns `sdmk rejections`: the review queue on the command line. */
export function rejectionsCommand(): Command {
  return new Command('rejections')
    .description('list rejected rows and decide about them')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(
      bulkCommand('retry', 'ask KKI again for the STRs of open rejections').action(
        (ids: number[], options: SelectOptions) =>
          follow(options, async (client, context, caller) => {
            const { runId, asked, skipped, next } = await retryRejections(
              client,
              context,
              selectionOf(ids, options),
              caller
            )
            return {
              runId,
              summary: `${counted(asked, 'STR')} asked for, ${counted(skipped, 'rejection')} without an STR`,
              next
            }
          })
      )
    )
    .addCommand(
      bulkCommand('reprocess', 'plan the stored rows of open rejections again with the current mapping').action(
        (ids: number[], options: SelectOptions) =>
          follow(options, async (client, context, caller) => {
            const order = await reprocessSelected(client, context, selectionOf(ids, options), caller)
            return {
              runId: order.runId,
              summary: `${counted(order.rows, 'row')} planned again, ${order.purged} no longer stored${ofUnfit(order.unfit)}`,
              next: order.next
            }
          })
      )
    )
    .addCommand(
      bulkCommand('dismiss', 'remove open rejections from the review queue until their rows change')
        .addOption(reasonOption().makeOptionMandatory())
        .action(dismiss)
    )
    .addCommand(resolveCommand())
}

function listCommand(): Command {
  return new Command('list')
    .description('list rejected rows; ! marks urgent ones')
    .addOption(codeOption())
    .addOption(
      new Option('-s, --state <state>', 'only rejections in this state')
        .choices(['open', 'resolved', 'dismissed', 'cleared'])
        .default('open')
    )
    .option('-u, --urgent', 'only deactivations that may concern a known person')
    .option('-b, --batch <id>', 'only rejections that this batch saw', id)
    .option('--after <id>', 'only rejections after this one', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option('-l, --limit <count>', 'largest number of results', wholeNumber(1, mostAtOnce), 50)
    .option('--json', 'print them as JSON')
    .action(({ code, state, urgent, batch, after, limit, json }) =>
      withDatabase(async ({ database, logger }) => {
        const { pool } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
        try {
          await assertMigrated(pool)
          const page = await readRejections(pool, { code, state, urgent, batchId: batch }, { after, limit })
          // The disclosure is stored before the rows are shown.
          await recordDisclosures(pool, [
            { ...commandCaller(), channel: 'sdmk rejections', ...showsRejectionPage(page) }
          ])
          print(json, page, [
            ...page.items.map(line),
            page.items.length === 0 ? 'No rejections found.' : '',
            ...(page.next === null ? [] : [`More with --after ${page.next}`])
          ])
        } finally {
          await pool.end()
        }
      })
    )
}

function line({ id, urgent, code, state, seenCount, lastSeenAt, lastBatchId, candidates }: ReviewRejection): string {
  const people = candidates.length === 0 ? '' : `, may be ${candidates.join(', ')}`
  const title = codeText(code, 'en')?.title ?? ''
  return `${urgent ? '!' : ' '} ${String(id).padStart(8)}  ${code.padEnd(20)} ${state.padEnd(9)} seen ${counted(seenCount, 'time')}, last ${lastSeenAt} in batch ${lastBatchId}${people}: ${title}`
}

function bulkCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument(
      '[ids...]',
      'ids of rejections; without ids the options select them',
      (text: string, ids: number[] = []) => [...ids, id(text)]
    )
    .addOption(codeOption())
    .option('-b, --batch <id>', 'only rejections that this batch saw', id)
    .option('-l, --limit <count>', 'largest number of rejections', wholeNumber(1, mostAtOnce), 1000)
    .option('--json', 'print the result as JSON')
}

function resolveCommand(): Command {
  return new Command('resolve')
    .description('decide which person a rejected row belongs to')
    .argument('<id>', 'the rejection', id)
    .addOption(new Option('-t, --to <id>', 'the health worker').argParser(id).conflicts('new'))
    .option('-n, --new', 'create a new person')
    .option('--row <batch:row>', 'the row that is meant, if its rows have different NIKs', rowPlace)
    .addOption(reasonOption())
    .option('--plan <digest>', 'digest of the effects that you examined; required if the decision harms a person')
    .option('--json', 'print the result as JSON')
    .action((rejectionId: number, { to, new: isNew, row, reason, plan, json }, command: Command) => {
      if (to === undefined && !isNew) command.error('error: one of --to and --new is required')
      const resolution = { healthWorkerId: to ?? 'new', reason, row, planDigest: plan }
      return follow({ json, limit: 1 }, async (client, context, caller) => {
        const batch = await resolveRejection(client, context, rejectionId, resolution, caller)
        return { runId: batch.runId, summary: `Rejection ${rejectionId} is decided`, next: null }
      }).catch((error: unknown) => {
        if (!(error instanceof EffectsNotShown)) throw error
        const { digest } = error.foreseen
        const effects = effectLines(error.foreseen)
        print(json, { effects, planDigest: digest }, [
          'The decision was not applied. It would:',
          ...effects.map(effect => `  ${effect}`),
          `To apply it, repeat with --plan ${digest} and a --reason`
        ])
        process.exitCode = 1
      })
    })
}

/** Without names and STR numbers, because showing them is a recorded disclosure. Ids are enough to look people up. */
function effectLines({ licences, people }: Foreseen): string[] {
  const who = (id: number | null) => (id === null ? 'a new person' : `health worker ${id}`)
  return [
    ...licences.map(({ profession, statusBefore, statusAfter, holderBefore, holderAfter }) => {
      const licence = `licence as a ${profession}`
      if (!holderBefore) return `give a new ${licence}, ${statusAfter}, to ${who(holderAfter.id)}`
      const status = statusBefore === statusAfter ? '' : `, and change it from ${statusBefore} to ${statusAfter}`
      return holderBefore.id === holderAfter.id
        ? `leave a ${licence} with ${who(holderAfter.id)}${status}`
        : `move a ${licence} from ${who(holderBefore.id)} to ${who(holderAfter.id)}${status}`
    }),
    ...people.map(
      ({ id, nik, licences, activeLicences }) =>
        `leave ${who(id)} with ${counted(licences, 'licence')}, ${activeLicences} of them active; NIK: ${nikWords[nik]}`
    )
  ]
}

const nikWords = { none: 'none', same: 'kept', added: 'added', removed: 'removed', replaced: 'replaced' }

function codeOption(): Option {
  return new Option('-c, --code <code>', 'only rejections with this code').choices([...rejectionCodes])
}

function selectionOf(ids: number[] | undefined, { code, batch, limit }: SelectOptions): Selection {
  return { ids: ids?.length ? ids : undefined, code, batchId: batch, limit }
}

interface Order {
  runId: number | null
  summary: string
  next: number | null
}

/** Requests the work and waits for its run. Works with or without a running service. */
async function follow(
  { json }: Pick<SelectOptions, 'json' | 'limit'>,
  place: (client: Transaction, context: RetryContext & ResolveContext, caller: ReviewCaller) => Promise<Order>
): Promise<void> {
  const config = loadConfig(process.env)
  keepHeapSmall()
  const service = await startService(config, { logger: errorLogger(config), listen: false })
  try {
    const { database, queue } = service.app
    const description = await loadDescription(config.kki.sourceFile)
    const { reader } = await loadReader(config.kki)
    const context = {
      queue,
      reader,
      identity: await withSecret(config, identitySecret, loadIdentity),
      mapping: mappingOf(description),
      maxSkewSeconds: config.kki.storedSkewSeconds,
      canAskByStr: description.oneByStr !== null,
      timeZone: config.timeZone
    }
    const { runId, summary, next } = await betweenBatches(() =>
      database.withTransaction(client => place(client, context, caller()))
    )
    const more = next === null ? [] : ['There are more; run the command again.']
    if (runId === null) return print(json, { runId, next }, [summary, ...more])
    const run = await followRun(database.pool, runId, { quiet: json ?? false })
    print(json, { runId, next, ...summarize(run) }, [summary, ...(await renderSummary(database.pool, run)), ...more])
    if (run.state !== 'applied') process.exitCode = 1
  } finally {
    await service.close()
  }
}

async function dismiss(ids: number[], options: SelectOptions & { reason: string }): Promise<void> {
  await withDatabase(context =>
    withQueue(context, async ({ database }) => {
      const { ids: done, next } = await database.withTransaction(client =>
        dismissRejections(client, selectionOf(ids, options), options.reason, caller())
      )
      const more = next === null ? [] : ['There are more; run the command again.']
      print(options.json, { dismissed: done.length, next }, [`${counted(done.length, 'rejection')} dismissed`, ...more])
    })
  )
}

function caller(): ReviewCaller {
  return { ...commandCaller(), triggeredBy: 'command' }
}

function ofUnfit(count: number): string {
  return count === 0 ? '' : `, ${count} left out because their sealed value belongs to another row or field`
}
