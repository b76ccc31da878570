package security

import (
	"fmt"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// putOut lets the admin of a group, on node a, put somebody out whom node b knows as a member. They
// are on no node, so that nobody announces it to b.
func putOut(n *nodes) string {
	admin, gone, stays := models.UserRef{Type: models.TypeMember, ID: "51"}, models.UserRef{Type: models.TypeMember, ID: "52"}, models.UserRef{Type: models.TypeMember, ID: "53"}
	made := n.a.want(201, admin, "POST", "/api/conversation", `{"isGroup":true,"groupName":"Fifty-one","participants":["51","52","53"]}`)
	id, _ := made.field("id").(string)
	say := fmt.Sprintf(`{"conversationId":%q,"content":"canary-of-the-group"}`, id)
	n.b.want(201, gone, "POST", "/api/message", say)
	n.b.want(200, gone, "GET", "/api/message/"+id, "")
	n.a.want(200, admin, "POST", "/api/conversation/participant/remove", fmt.Sprintf(`{"conversationId":%q,"userId":"52"}`, id))
	began := time.Now()
	n.a.want(404, gone, "POST", "/api/message", say)
	n.until("the other node knows that they are out", func() bool { return n.b.rest(gone, "GET", "/api/message/"+id, "").status == 404 })
	took := time.Since(began).Round(10 * time.Millisecond)
	before := n.a.rows()
	for _, s := range []*site{n.a, n.b} {
		s.want(404, gone, "POST", "/api/message", say)
		s.want(404, gone, "GET", "/api/message/"+id, "")
		s.want(404, gone, "GET", "/api/conversation/"+id, "")
		s.want(404, gone, "POST", "/api/conversation/participant/add", fmt.Sprintf(`{"conversationId":%q,"userId":"52"}`, id))
	}
	if after := n.a.rows(); after != before {
		n.Errorf("rows: %s, then %s", before, after)
	}
	c := n.b.dial()
	c.Connect("/", token(gone, time.Hour))
	n.b.want(201, stays, "POST", "/api/message", say)
	other := n.b.dial()
	other.Connect("/", token(stays, time.Hour))
	n.a.want(201, admin, "POST", "/api/message", say)
	for !strings.Contains(string(other.Expect("/", "new_message", siotest.Timeout)), `"51"`) {
	}
	for _, r := range c.Received() {
		if strings.Contains(string(r.Arg()), "canary-of-the-group") {
			n.Errorf("who is out was sent %s", r.Event)
		}
	}
	return fmt.Sprintf("put out on one node, 404 on the other after %s, by socket and REST", took)
}
