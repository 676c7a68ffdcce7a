import { render } from 'preact'
import { signal } from '@preact/signals'
import { isRun, leave, resume, session } from './api'
import { Cluster, Topologies } from './cluster'
import { Login } from './login'
import { cycleTheme, Notice, theme } from './parts'
import { clusterLink, link, route, watched } from './store'
import { TopologyPage } from './topology'
import 'uplot/dist/uPlot.min.css'
import './style.css'

const ready = signal(false)

function Top() {
  const page = route.value[0] ?? 'topologies'
  const me = session.value!.me
  const live = clusterLink.value.state
  const item = (id: string, text: string) => (
    <a href={link(id)} aria-current={page === id ? 'page' : undefined}>
      {text}
    </a>
  )
  return (
    <header class="top">
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus() }}>
        Skip to the content
      </a>
      <div class="inner">
        <a class="logo" href={link('topologies')} aria-label="Polybolt: topologies">
          <img src="/icon.svg" alt="" width="24" height="24" />
          <span>Polybolt</span>
        </a>
        <nav aria-label="Pages">
          {item('topologies', isRun() ? 'Run' : 'Topologies')}
          {!isRun() && item('cluster', 'Cluster')}
        </nav>
        <span class={`live ${live}`} role="status" title={`Version ${me.version}`}>
          <i aria-hidden="true" />
          <span class="word">{live === 'live' ? 'live' : live === 'broken' ? 'not connected' : 'connecting'}</span>
        </span>
        <button class="quiet" onClick={cycleTheme} title="Colours: as the system has them, dark, or light">
          {theme.value === 'auto' ? 'Auto' : theme.value === 'dark' ? 'Dark' : 'Light'}
          <span class="hidden"> colours</span>
        </button>
        <button class="quiet" onClick={() => leave()} title={`You are ${me.name ? `${me.name}, ` : ''}${me.role}`}>
          Sign out
        </button>
      </div>
    </header>
  )
}

function Page() {
  switch (route.value[0] ?? 'topologies') {
    case 'cluster':
      return isRun() ? <Notice level="idle">This is a run: there is no cluster behind it. `polybolt dev` brings one up.</Notice> : <Cluster />
    case 'topologies':
      return watched.value ? <TopologyPage w={watched.value} key={watched.value.name} /> : <Topologies />
  }
  return (
    <Notice level="warn">
      There is no such page. Begin at the <a href={link('topologies')}>topologies</a>.
    </Notice>
  )
}

function App() {
  if (!ready.value) return null
  if (!session.value) return <Login />
  document.title = [...route.value.slice(1).reverse(), 'Polybolt'].filter(Boolean).join(' · ')
  const l = clusterLink.value
  return (
    <>
      <Top />
      <main id="main" tabIndex={-1}>
        {l.state === 'broken' && l.why && (
          <Notice level="bad" live>
            {l.why.message} Trying again…
          </Notice>
        )}
        <Page />
      </main>
    </>
  )
}

render(<App />, document.getElementById('app')!)
void resume().finally(() => (ready.value = true))
