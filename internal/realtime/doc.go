// Package realtime is Socket.IO for the rest of the service: namespaces with typed event handlers,
// authenticated sockets, and a registry of who is connected to this node. It and its folder sio are
// the only code that meets the library.
//
// # How it fits together
//
//	HTTP ─► sio: guard ─► library (sessions, upgrades, heartbeats, CONNECT) ─► Link, Socket
//	frame ─► sio: transport · token bucket · strict parser ─► Conn: queue ─► On / OnAsync handler
//	Emit, Send, answers ─► one encoded Frame ─► the socket's transport, bounded, written together
//
// The library keeps sessions, upgrades, heartbeats and the joining and leaving of namespaces; its
// two transports are replaced by ours. Events and frames pass it by: a Link decodes them on the
// connection's reader and hands them to the Conn's own queue, and a Frame is pushed to the transport
// as the bytes of a WebSocket frame, the same ones for all sockets.
//
// # What the library does, and what answers it
//
// Behaviour of v3.0.5 that was seen, where it is answered, and the test that fails without.
//
//	 1  an event sent before a transport close is lost
//	    sio/socket.go Disconnect, CloseLater; sio/outbound.go finish: TestRefusalArrives
//	 2  a first CONNECT is lost before listeners are wired
//	    sio/transport.go start: TestReadingWaitsForHandshake, TestFirstConnectIsNeverLost
//	 3  a socket closed while it is connecting stays for ever; its end is told twice or never
//	    sio/socket.go ended, sio/server.go Handle, reap: TestCloseInTheMiddleOfConnecting,
//	    TestNothingStaysInTheLibrary, TestReap, TestEveryConnectHasOneDisconnect
//	 4  pipelined CONNECTs make several sockets
//	    sio/incoming.go connect: TestPipelinedConnects
//	 5  what is sent just before leaving is dropped
//	    lifecycle.go run, settle: TestEventsBeforeLeavingAreHandled
//	 6  queues in and out have no bound
//	    sio/bucket.go, lifecycle.go Event, sio/outbound.go: TestInboundIsBounded,
//	    TestFloodIsThrottledThenCut, TestSlowConsumerIsCut, TestOutboundBudget
//	 7  binary packets grow the heap
//	    sio/packet.go, sio/scan.go, sio/transport.go: TestMalformedPacketsClose, TestParse
//	 8  panics are swallowed, acknowledgements never sent
//	    lifecycle.go recovered, sio/server.go recovered: TestPanicsAreAnswered
//	 9  joining and leaving a room race
//	    members.go: TestMembersAreNeverChanged, TestRegistryUnderChurn
//	10  a message is encoded once for each socket
//	    sio/frame.go, sio/response.go trimmed: TestFrameIsEncodedOnce
//	11  the response writer is held for life
//	    sio/guard.go upgrade: TestResponseWriterIsReleased
//	12  a pending poll is not answered when its session closes
//	    sio/polling.go finish: TestPollingShutdownAnswersPoll
//	13  the session id alone is a credential on polling
//	    sio/guard.go resume: TestPollingHijack
//	14  a client that has left every namespace keeps its connection
//	    sio/link.go remove: TestConnectionWithoutNamespacesCloses
//	15  Volatile and Timeout write shared state
//	    neither is used: frames do not go through the library's sockets
//	16  a value JSON cannot encode sends an empty event
//	    sio/frame.go NewEvent: TestUnencodablePayloads
//	17  other protocol versions and transports reach code that is not ready for them
//	    sio/guard.go ServeHTTP: TestGuardRefuses
//	18  the variable DEBUG makes it print tokens
//	    sio/server.go New: TestDebugVariableIsUnset
//	19  bad packets, duplicate and cancelled polls are ignored on long-polling
//	    sio/requests.go: TestPollingBadPacketClosesSession, TestPollingDuplicatePoll, TestPollingCancelledPoll
//	20  a client is answered before it is entered: leaving at once closed the whole connection
//	    sio/socket.go settled: TestLeavingAtOnce
package realtime
