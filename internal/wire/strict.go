package wire

import quick "github.com/go-json-experiment/json"

// Strict decodes one JSON value from another node of this installation: no field that v does not have,
// none twice, nothing behind it. What clients send is read by packages that explain what is wrong.
func Strict(b []byte, v any) error { return quick.Unmarshal(b, v, quick.RejectUnknownMembers(true)) }
