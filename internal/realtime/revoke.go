package realtime

import (
	"time"

	"chaffer/internal/models"
)

// Revoke refuses the user's sockets on this node, in every namespace, whose token was issued up to
// a moment, with err. It returns how many there were.
func (s *Server) Revoke(u models.UserRef, issuedUpTo time.Time, err error) int {
	n := 0
	for _, ns := range s.namespaces {
		for _, c := range ns.Conns(u) {
			if !c.Identity().Issued.After(issuedUpTo) {
				c.Refuse(err)
				n++
			}
		}
	}
	return n
}
