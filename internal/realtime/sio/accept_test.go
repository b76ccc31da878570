package sio

import (
	"crypto/sha1" // the handshake of RFC 6455 is defined with it
	"encoding/base64"
)

// accept computes Sec-WebSocket-Accept (RFC 6455, 4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
