export function installTimerFunctions(target) {
  target.setTimeoutFn = setTimeout.bind(globalThis)
  target.clearTimeoutFn = clearTimeout.bind(globalThis)
}

export const pick = () => ({}) // options of the WebSocket of Node
export const byteLength = (text) => new TextEncoder().encode(text).length
export const randomString = () => Math.random().toString(36).slice(2, 10)
