// Builds the pages into internal/webui/dist (or the folder given). Names are stable; what changes
// is the content, and with it the ETag.
import { copyFileSync, readFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { join, resolve } from 'node:path'
import { build, transform } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = resolve(process.argv[2] ?? join(here, '../internal/webui/dist'))
const widgetBudget = 25.25 * 1024 // bytes, gzipped, with everything

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const options = {
  absWorkingDir: here, bundle: true, minify: true, legalComments: 'none', target: 'es2022', charset: 'utf8',
  jsx: 'automatic', jsxImportSource: 'preact', tsconfigRaw: '{}', alias: { '@chaffer/client': join(here, 'sdk/src/index.ts') },
  logLevel: 'warning',
}

// A style sheet that is imported by code becomes a constructed one: its text, minified.
const sheets = {
  name: 'sheets',
  setup(b) {
    b.onLoad({ filter: /\.css$/ }, async ({ path }) => ({
      loader: 'text', contents: (await transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true, target: 'es2022' })).code.trim(),
    }))
  },
}

// What the widget does without, by file of the library; see slim/README.md.
const unused = {
  'sdk/src/client.ts': ['loadChats', 'findByProduct', 'block', 'unblock', 'blocked'],
  'engine.io-client/build/esm/socket.js': ['_probe'],
  'engine.io-client/build/esm/transports/polling.js': ['pause'],
  'socket.io-client/build/esm/socket.js': [
    'send', '_addToQueue', '_drainQueue', 'compress', 'prependAny', 'offAny', 'listenersAny', 'onAnyOutgoing', 'prependAnyOutgoing', 'offAnyOutgoing',
    'listenersAnyOutgoing', 'notifyOutgoingListeners',
  ],
}

const slim = {
  name: 'slim',
  setup(b) {
    const put = (filter, file) => b.onResolve({ filter }, () => ({ path: join(here, 'slim', file) }))
    put(/^socket\.io-client$/, '../node_modules/socket.io-client/build/esm/manager.js')
    put(/^engine\.io-client$/, 'engine.js')
    put(/^engine\.io-parser$/, 'engine-parser.js')
    put(/^socket\.io-parser$/, 'socket-parser.js')
    put(/^\.\/transports\/index\.js$/, 'transports.js')
    put(/^\.\/contrib\/parse(uri|qs)\.js$/, 'uri.js')
    put(/^\.{1,2}\/util\.js$/, 'util.js')
    put(/^\.\/contrib\/backo2\.js$/, 'backoff.js')
    put(/^@socket\.io\/component-emitter$/, 'emitter.js')
    for (const [file, methods] of Object.entries(unused)) {
      b.onLoad({ filter: new RegExp(`/${file.replaceAll('.', '\\.')}$`) }, ({ path }) => {
        let source = readFileSync(path, 'utf8')
        for (const name of methods) {
          const body = new RegExp(`^( +)(async )?${name}\\(.*\\{\\n[^]*?^\\1\\}\\n`, 'm')
          if (!body.test(source)) throw new Error(`${file} has no method ${name} any more: look at slim again`)
          source = source.replace(body, `${name}() { }\n`)
        }
        return { contents: source, loader: path.endsWith('.ts') ? 'ts' : 'js' }
      })
    }
  },
}

// Names inside the widget that nobody outside sees: neither the wire nor the browser knows them.
const own = `emitReserved setTimeoutFn clearTimeoutFn useNativeTimers removeAllListeners supportsBinary forceBase64 transportImplementations
  closeOnBeforeunload timestampParam timestampRequests rememberUpgrade perMessageDeflate rejectUnauthorized transportOptions addTrailingSlash
  tryAllTransports createUri writeBuffer upgrading doOpen doClose doWrite doPoll onPacket onError onData onOpen onClose onconnect ondisconnect
  onevent onack ondecoded ondata subEvents sendBuffer receiveBuffer skipReconnect autoUnref maybeReconnectOnOpen reconnectionAttempts
  reconnectionDelay reconnectionDelayMax randomizationFactor backoff setMin setMax setJitter attempts jitter factor encoder decoder
  hasListeners priorWebsocketSuccess unreadTotal presenceOf askPresence markRead loadOlder loadChats findByProduct hasMoreChats
  stopTyping isMine belongTo claimed refreshIn given fresh tombstone resumed reread onExpired transports connected withError
  emitBuffered emitEvent notifyOutgoingListeners recovered writable extraHeaders withCredentials changed stored request pending places volatile snapshot prepend answerTimeout getToken`.split(/\s+/)

await build({
  ...options, entryPoints: ['widget/index.tsx'], outfile: join(out, 'widget.js'), format: 'iife',
  jsx: 'transform', jsxFactory: 'h', inject: ['slim/h.js'],
  plugins: [slim, sheets], mangleProps: new RegExp(`^(_[a-zA-Z].*|${own.join('|')})$`), mangleQuoted: true, reserveProps: /^__/,
})
for (const page of ['vendor', 'admin', 'demo']) {
  await build({ ...options, entryPoints: [`${page}/index.tsx`], outfile: join(out, `${page}.js`), format: 'esm' })
  await build({ ...options, entryPoints: [`${page}/${page}.css`], outfile: join(out, `${page}.css`) })
  copyFileSync(join(here, page, `${page}.html`), join(out, `${page}.html`))
}
copyFileSync(join(here, 'ui/texts.json'), join(out, 'widget-texts.json'))
await build({ ...options, entryPoints: ['sdk/src/index.ts'], outfile: join(out, 'client.js'), format: 'esm' })

for (const name of readdirSync(out).sort()) {
  console.log(name.padEnd(12), String(statSync(join(out, name)).size).padStart(7), 'bytes,', String(gzipSync(readFileSync(join(out, name)), { level: 9 }).length).padStart(6), 'gzipped')
}
const size = gzipSync(readFileSync(join(out, 'widget.js')), { level: 9 }).length
if (size > widgetBudget) {
  console.error(`the widget is ${size} bytes gzipped: the budget is ${widgetBudget}`)
  process.exit(1)
}
