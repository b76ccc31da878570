package realtime_test

import (
	"testing"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

func TestEcho(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	if got := c.EmitAck("/chat", "echo", text{"hi"}, soon); string(got) != `{"text":"hi"}` {
		t.Fatalf("acknowledged %s", got)
	}
	if got := c.Expect("/chat", "echoed", soon); string(got) != `{"text":"hi"}` {
		t.Fatalf("answered %s", got)
	}
	_ = models.UserRef{}
}

func TestEchoPolling(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	if a := p.Post(`42/chat,1["echo",{"text":"hi"}]`); a.Body != "ok" {
		t.Fatalf("post: %+v", a)
	}
	p.PollUntil(`43/chat,1[{"text":"hi"}]`)
}
