/** @chaffer/client: chats between the customers and the vendors of an online shop. */
export { ChatClient, createChatClient } from './client.js'
export { ChatError } from './error.js'
export type {
  Card, ClientEvents, ClientOptions, Conversation, Id, Image, Message, Pending, Person, Presence, Reason, SendInput, Status, Storage, UserType,
} from './types.js'
export type * as wire from './generated/events.js'
export type { paths as restPaths, components as restComponents } from './generated/rest.js'
