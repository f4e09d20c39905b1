import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type pg from 'pg'
import { type Connector, inject, kkiRecord } from '../e2e/helpers.ts'
import { runSdmk, until } from '../e2e/process.ts'
import { assertMirrored, digest } from './helpers/mirror.ts'
import { drained, openWorld, pending, repeatAll } from './helpers/world.ts'

const { odoo, skip, world } = await openWorld()

for (const transport of ['xmlrpc', 'json2'] as const) {
  describe(`the relay over ${transport}`, () => {
    test('sends Odoo every change of runs; repeated, late and concurrent calls change nothing', {
      skip
    }, async t => {
      const { pool, proxy, run, simulator } = await world.connect(t, transport, { rows: 2000 })
      await run({})
      const changed = new Date(simulator.now() - 60_000).toISOString()
      await inject(simulator, [{ record: kkiRecord({ diubah_pada: changed }) }])
      assert.equal((await run({})).batches[0]?.ledger.created, 1)
      await drained(pool)
      await assertMirrored(pool, world.theirs)
      const told = await digest(world.theirs, 'theirs')
      assert.ok((told.people?.count ?? 0) > 1500 && (told.rejections?.count ?? 0) > 10, JSON.stringify(told))
      await repeatAll(proxy)
      assert.deepEqual(await digest(world.theirs, 'theirs'), told)
    })

    test('catches up automatically after Odoo was down for a whole run', { skip }, async t => {
      const { pool, run, call, app } = await world.connect(t, transport, { rows: 500 })
      await drained(pool)
      await odoo.stop()
      const { state } = await run({})
      assert.equal(state, 'applied', 'a run needs no Odoo')
      assert.match(await metricsOf(app), /^sdmk_odoo_pending_jobs [1-9]/m)
      await world.serve()
      await drained(pool)
      await assertMirrored(pool, world.theirs)
      const { body } = await call('GET', '/readyz')
      assert.equal((body as { checks: { odoo: { breaker: string } } }).checks.odoo.breaker, 'closed')
      assert.match(await metricsOf(app), /^sdmk_odoo_pending_jobs 0$/m)
      assert.match(await metricsOf(app), /^sdmk_odoo_oldest_pending_seconds 0$/m)
    })

    test('repeats calls whose answers were lost after Odoo had stored them', { skip }, async t => {
      const { pool, proxy, run } = await world.connect(t, transport, { rows: 500 })
      await drained(pool)
      proxy.loseAnswers(4)
      await run({})
      await drained(pool)
      assert.equal(proxy.lost(), 4)
      await assertMirrored(pool, world.theirs)
    })

    test('archives people in Odoo that an undone batch had created, and no late call restores them', {
      skip
    }, async t => {
      const { pool, proxy, run, call } = await world.connect(t, transport, { rows: 300 })
      const { batches } = await run({})
      await drained(pool)
      const created = (await digest(world.theirs, 'theirs')).people?.count ?? 0
      assert.ok(created > 200)
      const undone = await call('POST', `/v1/batches/${batches[0]?.id}/undo`, { reason: 'It was a test' })
      assert.ok(undone.status < 300, JSON.stringify(undone.body))
      await until('the batch is undone', async () => {
        const { rows } = await pool.query('select state from kki.batch where id = $1', [batches[0]?.id])
        return rows[0].state === 'undone'
      })
      await drained(pool)
      await assertMirrored(pool, world.theirs)
      await repeatAll(proxy)
      await assertMirrored(pool, world.theirs)
      const { rows } = await world.theirs.query(
        `select count(*)::int as people, count(name)::int as names, count(*) filter (where active)::int as active
        from sdmk_health_worker`
      )
      assert.deepEqual(rows[0], { people: created, names: 0, active: 0 })
    })

    test('repairs damaged data in Odoo in the next compare', { skip }, async t => {
      const { pool, run, env } = await world.connect(t, transport, { rows: 500 })
      await run({})
      await drained(pool)
      const compare = async () => {
        const { code, stdout, stderr } = await runSdmk(['odoo', 'compare', '--json'], env)
        assert.equal(code, 0, stderr)
        return JSON.parse(stdout) as Record<string, number>
      }
      const same = {
        ...{ health_workers: 0, registrations: 0, batches: 0, rejections: 0 },
        ...{ professions: 0, codes: 0, integrations: 0, audit_heads: 0 }
      }
      assert.deepEqual(await compare(), same)
      const before = await told(world.theirs)
      await world.theirs.query(`
        update sdmk_health_worker set name = 'Somebody Else' where id = (select min(id) from sdmk_health_worker);
        update sdmk_health_worker set active = false where id = (select max(id) from sdmk_health_worker);
        insert into sdmk_health_worker (id, version, active, name) values (4000, 1, true, 'Nobody');
        delete from sdmk_registration where id % 7 = 0;
        update sdmk_registration set health_worker_id = 4000, version = 1e12 where id % 11 = 0;
        update sdmk_batch set state = 'queued', version = version + 5;
        delete from sdmk_rejection where id % 2 = 0;
        update sdmk_rejection set code = 'UNMATCHED' where id % 3 = 0;
        update sdmk_integration set version = version + 7, is_active = not is_active, changed_by = 'nobody';
        update sdmk_code set meaning = '{"en_US": "Nothing to do"}' where code = 'DEACTIVATIONS';
        delete from sdmk_code where code = 'NAME_MISSING';
        update sdmk_profession set name = '{"en_US": "Shaman"}' where code = 'doctor';
        insert into sdmk_profession (code, name) values ('shaman', '{"en_US": "Shaman"}');
        insert into sdmk_audit_head (seq, hash, noted_at) values (1, repeat('f', 64), now())
      `)
      const damaged = {
        ...{ health_workers: 1, registrations: 1, batches: 1, rejections: 1 },
        ...{ professions: 2, codes: 2, integrations: 1, audit_heads: 1 }
      }
      assert.deepEqual(await compare(), damaged)
      await drained(pool)
      await assertMirrored(pool, world.theirs)
      assert.deepEqual(await told(world.theirs), before)
      // A person must investigate the noted head.
      assert.deepEqual(await compare(), { ...same, audit_heads: 1 })
      await world.theirs.query(`delete from sdmk_audit_head where hash = repeat('f', 64)`)
    })

    const auditAttacks = {
      'rebuilt as a whole': `
        do $$ declare previous text := repeat('0', 64); link record;
        begin
          update kki.audit_event set actor = 'somebody else' where id = 2;
          for link in select seq, event_id, encode(event_hash, 'hex') as event from kki.audit_chain order by seq loop
            previous := encode(sha256(convert_to(concat_ws(' ', previous, link.seq, link.event_id, link.event), 'UTF8')), 'hex');
            update kki.audit_chain set hash = decode(previous, 'hex') where seq = link.seq;
          end loop;
        end $$`,
      'cut off': `
        delete from kki.audit_event where id in (select event_id from kki.audit_chain where seq > 1);
        delete from kki.audit_chain where seq > 1`
    }
    for (const [how, attack] of Object.entries(auditAttacks)) {
      test(`Odoo shows at the next event that the audit chain was ${how}`, { skip }, async t => {
        const { pool, app, call, run, env } = await world.connect(t, transport, { rows: 20 })
        await run({})
        await drained(pool)
        const contradicted = async () => {
          const { rows } = await world.theirs.query('select seq from sdmk_audit_head group by seq having count(*) > 1')
          return rows.length
        }
        const differing = async () => {
          const { code, stdout, stderr } = await runSdmk(['odoo', 'compare', '--json'], env)
          assert.equal(code, 0, stderr)
          return (JSON.parse(stdout) as Record<string, number>).audit_heads ?? 0
        }
        const isOk = async () =>
          / 1$/.exec(/^sdmk_audit_chain_ok .*$/m.exec((await app.inject({ url: '/metrics' })).body)?.[0] ?? '') !== null
        assert.deepEqual(
          { contradicted: await contradicted(), differing: await differing() },
          { contradicted: 0, differing: 0 }
        )
        await until('the metric says that the chain is whole', isOk)
        await pool.query(`set session_replication_role = replica; ${attack}; reset all`)
        const told = await call('POST', '/v1/runs', { mode: 'full' })
        assert.ok(told.status < 300, JSON.stringify(told.body))
        await until('Odoo shows the contradiction', async () => (await contradicted()) > 0)
        await drained(pool)
        assert.ok((await differing()) > 0)
        await until('the metric alarms', async () => !(await isOk()))
      })
    }

    test('after a restore, stops comparing exactly the audit heads that the backup does not have', {
      skip
    }, async t => {
      const { pool, call, run, env } = await world.connect(t, transport, { rows: 20 })
      await run({})
      await drained(pool)
      const sdmk = async (...args: string[]) => {
        const { code, stdout, stderr } = await runSdmk(['odoo', ...args, '--json'], env)
        assert.equal(code, 0, stderr)
        return JSON.parse(stdout) as Record<string, number>
      }
      const { rows: links } = await pool.query<{ seq: number; hash: string }>(
        `select seq, encode(hash, 'hex') as hash from kki.audit_chain order by seq`
      )
      const [, kept] = links
      assert.ok(kept && links.length > 2)
      const reason = 'Restored from a backup'
      const setAsideAfter = (hash: string) => ['set-aside-heads', '--after', `${kept.seq}:${hash}`, '--reason', reason]
      assert.deepEqual(await sdmk(...setAsideAfter(kept.hash)), { setAside: 0, differing: 0 })
      await pool.query(`set session_replication_role = replica;
        delete from kki.audit_event where id not in (select event_id from kki.audit_chain where seq <= ${kept.seq});
        delete from kki.audit_chain where seq > ${kept.seq};
        delete from kki.audit_unchained;
        reset all`)
      const forged = 'f'.repeat(64)
      await world.theirs.query('insert into sdmk_audit_head (seq, hash, noted_at) values ($1, $2, now())', [
        kept.seq,
        forged
      ])
      assert.ok(((await sdmk('compare')).audit_heads ?? 0) > 1)
      const unknown = await runSdmk(['odoo', ...setAsideAfter(forged)], env)
      assert.notEqual(unknown.code, 0)
      assert.match(unknown.stderr, /no such link/)
      const { setAside, differing } = await sdmk(...setAsideAfter(kept.hash))
      assert.ok(setAside !== undefined && setAside > 0)
      assert.equal(differing, 1, 'the one that was added next to a link of the backup')
      const { rows: events } = await pool.query(
        `select detail - '{first,last}'::text[] as detail from kki.audit_event where action = 'audit.heads_set_aside'`
      )
      assert.deepEqual(events, [{ detail: { after: kept, heads: setAside, reason } }])
      await world.theirs.query('delete from sdmk_audit_head where hash = $1', [forged])
      const told = await call('POST', '/v1/runs', { mode: 'full' })
      assert.ok(told.status < 300, JSON.stringify(told.body))
      await until('the chain has its former length', async () => {
        const { rowCount } = await pool.query('select from kki.audit_chain where seq >= $1', [links.length])
        return rowCount !== null && rowCount > 0
      })
      await drained(pool)
      assert.equal((await sdmk('compare')).audit_heads, 0)
      const { rowCount } = await world.theirs.query('select from sdmk_audit_head where set_aside_reason = $1', [reason])
      assert.equal(rowCount, setAside)
    })

    test('sends batches while Odoo is busy with people', { skip }, async t => {
      const { pool, proxy, run, app } = await world.connect(t, transport, { rows: 300 })
      await drained(pool)
      const release = proxy.hold('sync_health_workers')
      t.after(release)
      const busy = [0, 5000, 10_000].map(from => ({ repair: { from, to: from + 4999 } }))
      await app.database.withTransaction(client => app.queue.sendMany('odoo-people', busy, client))
      await run({})
      await until('Odoo knows that the batch is applied', async () => {
        const { rows } = await world.theirs.query(`select from sdmk_batch where state = 'applied'`)
        return rows.length === 1
      })
      assert.equal((await digest(world.theirs, 'theirs')).people?.count, 0)
      release()
      await drained(pool)
      await assertMirrored(pool, world.theirs)
    })

    test('starts at once when Odoo sends a new key after it had denied the former one', { skip }, async t => {
      const env = { SDMK_ODOO_RETRY_MAX: '300' }
      const { pool, run, call, app } = await world.connect(t, transport, { rows: 200, apiKey: 'f'.repeat(40), env })
      await run({})
      await until('the key is denied', async () => /result="denied"} [2-9]/.test(await metricsOf(app)))
      assert.ok((await pending(pool)) > 0)
      await call('PUT', '/v1/odoo/account', world.account)
      await drained(pool)
      await assertMirrored(pool, world.theirs)
    })
  })
}

test('a process stops at once while Odoo does not answer, and the next one continues', { skip }, async t => {
  const { pool, proxy, run, restart } = await world.connect(t, 'json2', { rows: 200 })
  await drained(pool)
  const release = proxy.hold('sync_')
  t.after(release)
  await run({})
  const seen = proxy.calls.length
  await until('Odoo is asked', async () => proxy.calls.length > seen || (await pending(pool)) > 0)
  const started = performance.now()
  await restart({})
  assert.ok(performance.now() - started < 25_000)
  assert.ok((await pending(pool)) > 0)
  release()
  await drained(pool)
  await assertMirrored(pool, world.theirs)
})

test('processes of other roles leave their messages to a process with the role relay', { skip }, async t => {
  const env = { SDMK_ROLES: 'fetch,registry,api' }
  const { pool, run, restart } = await world.connect(t, 'json2', { rows: 200, env })
  await run({})
  assert.ok((await pending(pool)) > 0)
  await restart({ SDMK_ROLES: 'relay' })
  await drained(pool)
  await assertMirrored(pool, world.theirs)
})

test('decisions on the command line are sent too', { skip }, async t => {
  const { pool, run, env } = await world.connect(t, 'json2', { rows: 300 })
  await run({})
  await drained(pool)
  const order = ['rejections', 'dismiss', '--limit', '2', '--reason', 'Known to KKI', '--json']
  const { code, stdout, stderr } = await runSdmk(order, env)
  assert.equal(code, 0, stderr)
  assert.equal(JSON.parse(stdout).dismissed, 2)
  await drained(pool)
  await assertMirrored(pool, world.theirs)
  const { rows } = await world.theirs.query(
    `select count(*)::int as dismissed from sdmk_rejection where state = 'dismissed'`
  )
  assert.equal(rows[0].dismissed, 2)
})

test('a resync sends everything to an emptied Odoo', { skip }, async t => {
  const { pool, run, env } = await world.connect(t, 'json2', { rows: 300 })
  await run({})
  await drained(pool)
  await world.empty()
  await world.theirs.query('delete from sdmk_code')
  const { code, stdout, stderr } = await runSdmk(['odoo', 'resync', '--json'], env)
  assert.equal(code, 0, stderr)
  assert.equal(JSON.parse(stdout).jobs, 4)
  await drained(pool)
  await assertMirrored(pool, world.theirs)
  const { rows } = await world.theirs.query('select count(*)::int as codes from sdmk_code')
  assert.ok(rows[0].codes > 50)
})

async function metricsOf(app: Connector['app']): Promise<string> {
  return (await app.inject({ url: '/metrics' })).body
}

/** Returns what Odoo has of the setting and of words. */
async function told(pool: pg.Pool) {
  const { rows } = await pool.query(
    `select (select jsonb_agg(to_jsonb(i) - '{write_date,write_uid,id}'::text[]) from sdmk_integration i) as setting,
      (select jsonb_agg(to_jsonb(c) - 'id' order by code) from sdmk_code c) as codes,
      (select jsonb_agg(to_jsonb(p) - 'id' order by code) from sdmk_profession p) as professions`
  )
  return rows[0]
}
