export { Socket } from '../node_modules/engine.io-client/build/esm/socket.js'
export { installTimerFunctions } from './util.js'
export { nextTick } from '../node_modules/engine.io-client/build/esm/globals.js'
