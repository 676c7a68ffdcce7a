package ui

import (
	"fmt"
	"strings"
	"testing"
)

// accessible checks what a screen reader and the keyboard need, by what axe finds,
// and by rules of ours that are stricter than what it calls serious: names of controls, labels, order of headings, text
// that can be told from its background, regions that scroll.
func (b *browser) accessible() {
	b.t.Helper()
	list, _ := b.js(rules).([]any)
	for _, v := range list {
		b.t.Errorf("%s: %v", b.js("return location.hash"), v)
	}
	for _, v := range b.runAxe() {
		b.t.Errorf("%s: axe: %s", b.js("return location.hash"), v)
	}
}

const rules = `
const bad = []
const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden'
const about = (e) => e.outerHTML.slice(0, 120)
const name = (e) => (e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby') ?? '')?.textContent ||
  (e.labels?.[0]?.textContent) || e.textContent || e.title || e.alt || '').trim()
const all = (s) => [...document.querySelectorAll(s)].filter(shown)

for (const e of all('a, button, input, select, dialog, [role=region], [role=img], [role=log], meter')) if (!name(e)) bad.push('has no name: ' + about(e))
for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) bad.push('has no alt: ' + about(e))
for (const e of document.querySelectorAll('[aria-labelledby], [aria-describedby]'))
  for (const a of ['aria-labelledby', 'aria-describedby'])
    if (e.hasAttribute(a) && !document.getElementById(e.getAttribute(a))) bad.push(a + ' names nothing: ' + about(e))
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id)
for (const id of new Set(ids)) if (ids.filter((x) => x === id).length > 1) bad.push('the id ' + id + ' is there twice')
if (!document.documentElement.lang) bad.push('the page has no language')
if (!document.title) bad.push('the page has no title')
if (all('h1').length !== 1) bad.push('there are ' + all('h1').length + ' headings of the first level')
if (all('main').length !== 1) bad.push('there is no main, or several')
let level = 0
for (const e of all('main h1, main h2, main h3')) {
  const n = Number(e.tagName[1])
  if (n > level + 1) bad.push('a level of headings is left out: ' + about(e))
  level = n
}
for (const e of document.querySelectorAll('[tabindex]')) if (e.tabIndex > 0) bad.push('has a place of its own in the order: ' + about(e))
for (const e of all('main *')) {
  const s = getComputedStyle(e)
  if (/(auto|scroll)/.test(s.overflowX + s.overflowY) && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && e.tabIndex < 0 && !e.querySelector('a, button'))
    bad.push('scrolls, and the keyboard cannot reach it: ' + about(e))
}

// Contrast, as WCAG counts it.
const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true })
const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255] }
const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]))
const light = (c) => { const [r, g, b] = c.map((x) => { x /= 255; return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
const behind = (e) => { const stack = []; for (let x = e; x; x = x.parentElement) { const c = rgba(getComputedStyle(x).backgroundColor); if (c[3] > 0) stack.push(c); if (c[3] === 1) break } return stack.reverse().reduce((b, c) => over(c, b), [255, 255, 255]) }
const seen = new Set()
for (const e of all('body *')) {
  if (e.disabled || e.closest(':disabled') || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue
  const s = getComputedStyle(e)
  const svg = e instanceof SVGElement
  if (svg && e.tagName !== 'text') continue
  const back = behind(svg ? e.closest('.card') ?? e : e)
  const [x, y] = [light(over(rgba(svg ? s.fill : s.color), back)), light(back)]
  const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
  const big = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && Number(s.fontWeight) >= 700)
  const key = e.className + ' ' + s.color
  if (ratio < (big ? 3 : 4.5) && !seen.has(key)) { seen.add(key); bad.push('contrast of ' + ratio.toFixed(2) + ': ' + about(e)) }
}
return bad
`

// The rules find what they are for.
func TestRulesOfAccessibility(t *testing.T) {
	t.Parallel()
	faulty := "<main><h1>One</h1><h3>Three</h3><h1>Two</h1><button></button><img src=x><input><p id=a style='color:%23999;background:white'>faint</p><p id=a tabindex=3>twice</p></main>"
	b := open(t, "data:text/html,"+faulty, desktop, false)
	b.goTo("")
	list, _ := b.js(rules).([]any)
	found := fmt.Sprint(list...)
	for _, want := range []string{"has no name: <button", "has no name: <input", "has no alt", "the id a is there twice", "has no language", "has no title", "there are 2 headings", "a level of headings", "a place of its own", "contrast of 2.8"} {
		if !strings.Contains(found, want) {
			t.Errorf("%q is not found in %q", want, list)
		}
	}
}
