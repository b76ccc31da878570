package chat

import (
	"context"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

// bindSafety are the events with which people protect themselves.
func (n *Namespace) bindSafety() {
	realtime.On(n.nsp, realtime.Event{Name: "blockUser", Answer: "blockUser",
		Doc: "Takes no more messages from somebody the caller shares a chat with. They are not told."}, n.block(true))
	realtime.On(n.nsp, realtime.Event{Name: "unblockUser", Answer: "unblockUser",
		Doc: "Takes messages from them again."}, n.block(false))
	realtime.On(n.nsp, realtime.Event{Name: "reportMessage", Answer: "reportMessage",
		Doc: "Puts a message of somebody else before the admins. Its author is not told."}, n.report)
	n.nsp.Emits("userBlocked", "Another device of yours has blocked somebody, or lifted it; blocked tells which.", wire.Envelope[BlockJSON]{})
	n.nsp.Emits("chatFrozen", "Nobody can write in a chat any more.", wire.Envelope[FrozenJSON]{})
	n.nsp.Emits("chatUnfrozen", "Everybody can write in it again.", wire.Envelope[FrozenJSON]{})
}

func (n *Namespace) block(on bool) func(context.Context, *realtime.Conn, PersonRequest) (wire.Envelope[BlockJSON], error) {
	return func(ctx context.Context, c *realtime.Conn, in PersonRequest) (wire.Envelope[BlockJSON], error) {
		do := n.service.Unblock
		if on {
			do = n.service.Block
		}
		return blockBody(in.user(), on), do(ctx, c.User(), in.user())
	}
}

func (n *Namespace) report(ctx context.Context, c *realtime.Conn, in ReportRequest) (wire.Envelope[ReportJSON], error) {
	r, err := n.service.Report(ctx, c.User(), ReportInput(in))
	return reportBody(r), err
}

// deliverSafety tells the devices of who has blocked somebody, and both sides of a frozen chat.
func (n *Namespace) deliverSafety(e Event) {
	switch e := e.(type) {
	case BlockChanged:
		n.tell([]models.UserRef{e.By}, models.UserRef{}, "", "", "userBlocked", func() any { return blockBody(e.Whom, e.Blocked) })
	case FrozenChanged:
		event, body := frozenBody(e.ChatID, e.Frozen)
		n.tell(e.Members, models.UserRef{}, "", e.ChatID, event, func() any { return body })
	}
}
