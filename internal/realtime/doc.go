// Package realtime is Socket.IO for the rest of the service: namespaces with typed event handlers,
// authenticated sockets, and a registry of who is connected to this node. It and its folder sio are
// the only code that meets the library.
//
// # How it fits together
//
//	HTTP ─► sio: guard ─► library (handshake, sessions, heartbeats, CONNECT) ─► Link, Socket
//	frame ─► sio: transport · token bucket · strict parser ─► Conn: queue ─► On / OnAsync handler
//	Emit, Send, answers ─► one encoded Frame ─► the socket's transport, bounded, written together
//
// The library keeps sessions, upgrades, heartbeats and the joining and leaving of namespaces.
// Events and frames pass it by: a Link decodes them on the connection's reader and hands them to
// the Conn's own queue, and a Frame is pushed to the transport as the bytes of a WebSocket frame,
// the same ones for all sockets.
//
// # What the library does, and where it is answered
//
// Each line names the behaviour of v3.0.5 that was seen, the file that answers it and the test
// that fails without the answer.
//
//	 1  an event sent before a transport close is lost         sio/socket.go Disconnect, CloseLater; sio/outbound.go finish
//	 2  a first CONNECT is lost before listeners are wired      sio/transport.go start
//	 3  a socket closed while connecting stays for ever          sio/socket.go opened; sio/server.go reap
//	 4  pipelined CONNECTs make several sockets                  sio/link.go connect
//	 5  what is sent just before leaving is dropped              lifecycle.go run, settle
//	 6  queues in and out have no bound                          sio/bucket.go, lifecycle.go Event; sio/outbound.go
//	 7  binary packets grow the heap                             sio/packet.go, sio/scan.go, sio/transport.go
//	 8  panics are swallowed, acknowledgements never sent        sio/server.go recovered; lifecycle.go recovered
//	 9  joining and leaving a room race                          members.go
//	10  a message is encoded once for each socket                sio/frame.go
//	11  the response writer is held for life                     sio/guard.go upgrade; sio/response.go
//	12  a pending poll is not answered when its session closes   sio/polling.go poll
//	13  the session id alone is a credential on polling          sio/guard.go resume
//	14  a client without namespaces keeps its connection         sio/link.go remove
//	15  Volatile and Timeout write shared state                  not used
//	16  a value JSON cannot encode sends an empty event          namespace.go Encode
//	17  other protocol versions and transports                   sio/guard.go ServeHTTP
//	18  DEBUG makes it print tokens                              sio/server.go New
//	19  bad packets, duplicate and cancelled polls are ignored   sio/polling.go
package realtime
