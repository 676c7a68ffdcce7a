// A sink plugin: it posts each event to a URL, as chats and pagers take them.
//
//   polybolt nimbus --sink node,sink.mjs,https://chat.example/hooks/1234 …
//
// A second argument "bad" leaves out what nobody has to look at.
import { serve } from './plugin.mjs'

const [url, only] = process.argv.slice(2)

serve('sink', async ({ events = [] }) => {
  for (const event of events) {
    if (only === 'bad' && !event.bad) continue
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`${url} says ${answer.status}`) // the events come once more, later
  }
})
