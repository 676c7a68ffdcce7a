// Where a person enters the token.
import { useState } from 'preact/hooks'
import { enter, refused } from './api'
import { Notice } from './parts'

export function Login() {
  const [busy, setBusy] = useState(false)
  const send = async (e: SubmitEvent) => {
    e.preventDefault()
    await tryToken(String(new FormData(e.target as HTMLFormElement).get('token')).trim())
  }
  const tryToken = async (token: string) => {
    setBusy(true)
    try {
      await enter(token)
    } catch (err) {
      refused.value = (err as Error).message
    }
    setBusy(false)
  }
  return (
    <main class="login" id="main">
      <form onSubmit={send}>
        <img src="/icon.svg" alt="" width="44" height="44" />
        <h1>Polybolt</h1>
        <label>
          Token of this cluster
          <input type="password" name="token" autocomplete="current-password" required autofocus spellcheck={false} />
        </label>
        {refused.value && (
          <Notice level="bad" live>
            {refused.value}
          </Notice>
        )}
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
        {location.protocol === 'https:' && (
          <button type="button" disabled={busy} onClick={() => void tryToken('')}>
            Sign in with a certificate
          </button>
        )}
        <p class="hint">
          It is in the file that nimbus was given with <code>--token-file</code>. By default, and for <code>polybolt dev</code>, that is <code>~/.local/state/polybolt/token</code>. It
          is kept in this tab only. <code>polybolt run --ui</code> prints a URL that has one.
        </p>
      </form>
    </main>
  )
}
