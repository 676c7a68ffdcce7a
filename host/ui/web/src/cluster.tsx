// The machines and daemons.
import { bytes, count, plural, since } from './format'
import { isRun } from './api'
import { Badge, Card, Notice, Table, Tile } from './parts'
import { cluster, clusterTrouble, link, now, topologies } from './store'
import { levelOf } from './store'
import type { Topology } from './types'

export function Cluster() {
  const c = cluster.value
  if (!c) return <p class="empty">Asking nimbus…</p>
  const slots = c.supervisors.reduce((n, s) => n + s.slots, 0)
  const logServers = c.log_servers ?? []
  const silent = c.supervisors.filter((s) => !logServers.some((l) => l.supervisor === s.id)).map((s) => s.host)
  const used = c.supervisors.reduce((n, s) => n + s.used, 0)
  return (
    <>
      <h1>Cluster</h1>
      <dl class="tiles">
        <Tile name="Supervisors" value={count(c.supervisors.length)} note={c.supervisors.length === 0 ? 'nothing can run' : undefined} level={c.supervisors.length ? undefined : 'bad'} />
        <Tile name="Slots used" value={`${count(used)} of ${count(slots)}`} note={plural(slots - used, 'free slot')} level={slots > 0 && used === slots ? 'warn' : undefined} />
        <Tile name="Topologies" value={count(topologies.value?.length ?? 0)} />
        <Tile name="ZooKeeper" value={c.session.server ? 'connected' : 'away'} note={c.session.since && `for ${since(c.session.since, now.value)}`} level={c.session.server ? undefined : 'bad'} />
        <Tile name="Bundles" value={count(c.bundles)} note={bytes(c.bundle_bytes)} />
      </dl>
      {clusterTrouble.value && <Notice level="warn">{clusterTrouble.value}</Notice>}
      <Card title="Nimbuses">
        <Table
          label="Nimbuses" rows={c.nimbuses} id={(n) => n.url} empty="None."
          columns={[
            { name: 'Host', of: (n) => n.host, key: (n) => n.host },
            { name: 'Role', of: (n) => (n.leads ? <Badge level="ok">leads</Badge> : <Badge level="idle">stands by</Badge>) },
            { name: 'URL', of: (n) => <code>{n.url}</code> },
            { name: 'PID', of: (n) => n.pid, num: true },
            { name: 'Up', of: (n) => since(n.started, now.value), num: true, key: (n) => -Date.parse(n.started) },
            { name: 'Version', of: (n) => n.version },
          ]}
        />
      </Card>
      <Card title="Supervisors">
        <Table
          label="Supervisors" rows={c.supervisors} id={(s) => s.id} empty="None: start one with `polybolt supervisor`."
          columns={[
            { name: 'Host', of: (s) => s.host, key: (s) => s.host },
            {
              name: 'Slots', key: (s) => s.used / Math.max(s.slots, 1),
              of: (s) => (
                <span class="meter">
                  <meter min={0} max={s.slots} value={s.used} aria-label={`${s.used} of ${s.slots} slots used`} />
                  {s.used} of {s.slots}
                </span>
              ),
            },
            { name: 'Address', of: (s) => <code>{s.address}</code> },
            { name: 'PID', of: (s) => s.pid, num: true },
            { name: 'Up', of: (s) => since(s.started, now.value), num: true, key: (s) => -Date.parse(s.started) },
            { name: 'Version', of: (s) => s.version },
            { name: 'ID', of: (s) => <code>{s.id.slice(0, 12)}</code> },
          ]}
        />
      </Card>
      <Card title="Log servers">
        <Table
          label="Log servers" rows={logServers} id={(s) => s.supervisor} empty="None: supervisors start them."
          columns={[
            { name: 'Host', of: (s) => s.host, key: (s) => s.host },
            { name: 'Address', of: (s) => <code>{s.address}</code> },
            { name: 'PID', of: (s) => s.pid, num: true },
            { name: 'Up', of: (s) => since(s.started, now.value), num: true, key: (s) => -Date.parse(s.started) },
            { name: 'Version', of: (s) => s.version },
            { name: 'Of supervisor', of: (s) => <code>{s.supervisor}</code> },
          ]}
        />
        {silent.length > 0 && <Notice level="warn">Supervisors without a log server: {silent.join(', ')}. Their logs cannot be read for the moment.</Notice>}
      </Card>
      <Card title="ZooKeeper">
        <Table
          label="ZooKeeper" rows={(c.zookeeper ?? []).map((server) => ({ server }))} id={(z) => z.server} empty="Nobody says where it is."
          columns={[
            { name: 'Server', of: (z) => <code>{z.server}</code> },
            { name: 'Nimbus', of: (z) => (z.server === c.session.server ? <Badge level="ok">connected</Badge> : '') },
          ]}
        />
        <p class="empty">
          {c.session.server ? `The nimbus that leads has been connected to ${c.session.server} for ${since(c.session.since, now.value)}.` : `The nimbus that leads is not connected: ${c.session.why ?? 'it tries'}.`}
        </p>
      </Card>
    </>
  )
}

export function Topologies() {
  const list = topologies.value
  return (
    <>
      <h1>{isRun() ? 'Run' : 'Topologies'}</h1>
      {list === null && <p class="empty">Asking nimbus…</p>}
      {list?.length === 0 && (
        <div class="welcome">
          <h2>Nothing is deployed yet</h2>
          <p>Make one, try it on this machine, and deploy it:</p>
          <pre>
            polybolt new hello --lang python{'\n'}polybolt run hello{'\n'}polybolt deploy hello
          </pre>
        </div>
      )}
      {list && list.length > 0 && (
        <Card title={isRun() ? 'What runs' : 'All topologies'}>
          <Table<Topology>
            label="All topologies" rows={list} id={(t) => t.name} empty=""
            columns={[
              {
                name: 'Name', key: (t) => t.name,
                of: (t) => (
                  <a class="strong" href={link('topologies', t.name)}>
                    {t.name}
                  </a>
                ),
              },
              {
                name: 'State', key: (t) => t.state,
                of: (t) => (
                  <>
                    <Badge level={levelOf(t.state)}>{t.state}</Badge>
                    {t.why && <div class="why">{t.why}</div>}
                  </>
                ),
              },
              ...(isRun() ? [] : [{ name: 'Version', of: (t: Topology) => t.version || '–', num: true, key: (t: Topology) => t.version }]),
              { name: 'Workers', of: (t) => (t.workers === t.wanted ? t.workers : `${t.workers} of ${t.wanted}`), num: true, key: (t) => t.workers },
              { name: 'Tasks', of: (t) => t.tasks, num: true, key: (t) => t.tasks },
              { name: isRun() ? 'Started' : 'Deployed', of: (t) => `${since(t.deployed, now.value)} ago`, num: true, key: (t) => -Date.parse(t.deployed) },
            ]}
          />
        </Card>
      )}
    </>
  )
}
