// The real server behind a proxy that can be cut, the real Chromium, and pages that are not
// allowed to complain.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { Site } from '../../web/sdk/test/site.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
export const pictures = `${here}artifacts`
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

export class Stage {
  #contexts = []
  complaints = []

  static async open() {
    const stage = new Stage()
    mkdirSync(pictures, { recursive: true })
    stage.site = await Site.start({ LIMIT_CONNECTIONS_PER_IP: '0' })
    execFileSync(process.env.CHAFFER_BIN || `${root}bin/chaffer`, ['demo'], { env: stage.site.server.env })
    const path = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim()
    stage.browser = await chromium.launch({ executablePath: path, args: flags })
    return stage
  }

  // page opens an address in a browser profile of its own, or in that of another page.
  async page(path, { beside, ...options } = {}) {
    const context = beside?.context() ?? await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    if (!beside) this.#contexts.push(context)
    context.setDefaultTimeout(30_000)
    const page = await context.newPage()
    page.on('pageerror', (err) => this.complaints.push(`${path}: ${err.message}`))
    page.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') this.complaints.push(`${path}: ${m.text()}`)
    })
    await page.goto(path.startsWith('http') ? path : this.site.url + path)
    return page
  }

  token(claims) { return this.site.server.token(claims) }

  // close ends the pages of a test. A page may complain of a network that was cut, and of nothing else.
  async close({ cut = false } = {}) {
    for (const c of this.#contexts.splice(0)) await c.close()
    const said = this.complaints.splice(0).filter((c) => !cut || !/WebSocket connection|ERR_|Failed to load resource/.test(c))
    assert.deepEqual(said, [], 'the pages complained')
  }

  async end() {
    await this.browser.close()
    await this.site.stop()
  }
}

// violations runs axe over a page and its shadow roots.
export async function violations(page) {
  await page.evaluate(readFileSync(axe, 'utf8')) // by the debugger: the pages' policy takes no inline script
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations)
  return found.map((v) => `${v.id}: ${v.nodes.map((n) => `${JSON.stringify(n.target)} ${n.any[0]?.message ?? n.failureSummary}`).join(' | ')}`)
}

export const shot = (page, name) => page.screenshot({ path: `${pictures}/${name}.png` })

// sideBySide puts pictures of two pages beside each other.
export async function sideBySide(browser, buffers, path) {
  const page = await browser.newPage({ viewport: { width: 1360, height: 720 } })
  const urls = buffers.map((b) => `data:image/png;base64,${b.toString('base64')}`)
  await page.setContent(`<body style="margin:0;background:#dfe3ea;display:flex;gap:16px;padding:16px;box-sizing:border-box;height:720px">${urls
    .map((u, i) => `<img src="${u}" style="border-radius:12px;box-shadow:0 4px 24px #0003;height:688px;width:${i ? 868 : 444}px">`).join('')}</body>`)
  await page.screenshot({ path })
  await page.close()
}
