// An authorizer plugin: nobody changes anything at the weekend, but for an admin.
// All else is as roles have it.
//
//   polybolt nimbus --authorizer node,authorizer.mjs …
//
// An argument is the day that it takes for today: 0 is Sunday.
import { serve } from './plugin.mjs'

const roles = ['viewer', 'operator', 'admin'] // each may do what those before it may

serve('authorizer', ({ role, needs, operation }) => {
  const [has, need] = [roles.indexOf(role), roles.indexOf(needs)]
  if (need < 0 || has < need) return { allow: false, text: `this needs the role ${needs}, and yours is ${role || 'none'}` }
  const day = Number(process.argv[2] ?? new Date().getDay())
  if (need > 0 && role !== 'admin' && (day === 0 || day === 6)) return { allow: false, text: `no ${operation} at the weekend: ask an admin` }
  return { allow: true }
})
