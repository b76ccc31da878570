// Builds the pages into internal/webui/dist (or the folder given). Names are stable; what changes
// is the content, and with it the ETag.
import { readFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = resolve(process.argv[2] ?? join(here, '../internal/webui/dist'))
const widgetBudget = 25 * 1024 // bytes, gzipped, with everything

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const options = {
  absWorkingDir: here, bundle: true, minify: true, legalComments: 'none', target: 'es2022', charset: 'utf8',
  jsx: 'automatic', jsxImportSource: 'preact', alias: { '@chaffer/client': join(here, 'sdk/src/index.ts') },
  loader: { '.css': 'text' }, logLevel: 'warning',
}

const slim = {
  name: 'slim',
  setup(b) {
    const put = (filter, file) => b.onResolve({ filter }, () => ({ path: join(here, 'slim', file) }))
    put(/^engine\.io-parser$/, 'engine-parser.js')
    put(/^socket\.io-parser$/, 'socket-parser.js')
    put(/^\.\/transports\/index\.js$/, 'transports.js')
    put(/^@socket\.io\/component-emitter$/, '../node_modules/@socket.io/component-emitter/lib/esm/index.js')
  },
}

await build({
  ...options, entryPoints: ['widget/index.tsx'], outfile: join(out, 'widget.js'), format: 'iife',
  plugins: [slim], mangleProps: /^_[a-zA-Z]/, reserveProps: /^__/,
})
for (const page of ['vendor', 'admin', 'demo']) {
  await build({ ...options, entryPoints: [`${page}/index.tsx`], outfile: join(out, `${page}.js`), format: 'esm' })
  await build({ ...options, loader: {}, entryPoints: [`${page}/${page}.css`], outfile: join(out, `${page}.css`) })
}
await build({ ...options, entryPoints: ['sdk/src/index.ts'], outfile: join(out, 'client.js'), format: 'esm' })

for (const name of readdirSync(out).sort()) {
  console.log(name.padEnd(12), String(statSync(join(out, name)).size).padStart(7), 'bytes,', String(gzipSync(readFileSync(join(out, name)), { level: 9 }).length).padStart(6), 'gzipped')
}
const size = gzipSync(readFileSync(join(out, 'widget.js')), { level: 9 }).length
if (size > widgetBudget) {
  console.error(`widget.js is ${size} bytes gzipped: the budget is ${widgetBudget}`)
  process.exit(1)
}
