package chat

import (
	"chaffer/internal/httpjson"
	"chaffer/internal/wire"
)

// chatPath, messagePath and triplePath are what the addresses name. An id that cannot be one is
// simply not found, so none is checked here.
type chatPath struct {
	ChatID string `path:"chatId"`
}

type messagePath struct {
	ChatID    string `path:"chatId"`
	MessageID string `path:"messageId"`
}

type triplePath struct {
	ProductID  string `path:"productId"`
	VendorID   string `path:"vendorId"`
	CustomerID string `path:"customerId"`
}

type listQuery struct {
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" default:"50" doc:"1–100; more is cut to 100."`
}

// historyQuery asks for messages; its fields are repeated where a path is added, because huma
// does not fill an embedded struct that is not exported.
type historyQuery struct {
	ChatID    string                   `path:"chatId"`
	BeforeSeq httpjson.Optional[int64] `query:"beforeSeq" doc:"Only messages before this place."`
	AfterSeq  httpjson.Optional[int64] `query:"afterSeq" doc:"Only messages after this place."`
	Limit     int                      `query:"limit" minimum:"1" default:"50" doc:"1–100; more is cut to 100."`
}

func (q *historyQuery) page() PageInput {
	return PageInput{BeforeSeq: q.BeforeSeq.Ptr(), AfterSeq: q.AfterSeq.Ptr(), Limit: q.Limit}
}

type sendBody struct {
	Key  string `header:"Idempotency-Key" doc:"The same as clientMessageId in the body."`
	Body SendRequest
}

type readBodyInput struct {
	ChatID string `path:"chatId"`
	Body   *struct {
		UpToSeq *int64 `json:"upToSeq,omitempty" minimum:"0" doc:"Read up to this place; without it, everything."`
	}
}

type reply[T any] struct{ Body T }

func respond[T any](message string, data T) *reply[wire.Envelope[T]] {
	return &reply[wire.Envelope[T]]{wire.OK(message, data)}
}

func respondList[T any](message string, data []T, next string, more bool) *reply[wire.Page[T]] {
	if data == nil {
		data = []T{}
	}
	return &reply[wire.Page[T]]{wire.Page[T]{Message: message, StatusCode: 200, Data: data, NextCursor: next, HasMore: more}}
}

// pageCursor is the place to go on from in the direction that was asked for, "" at the end.
func pageCursor(p Page, in PageInput) string {
	switch {
	case !p.HasMore || len(p.Messages) == 0:
		return ""
	case in.AfterSeq != nil:
		return formatSeq(p.Messages[len(p.Messages)-1].Seq)
	}
	return formatSeq(p.Messages[0].Seq)
}

// detail is the run that was asked for, as the audit log keeps it.
func (q *historyQuery) detail() map[string]any {
	out := map[string]any{"limit": q.Limit}
	if q.BeforeSeq.IsSet {
		out["beforeSeq"] = q.BeforeSeq.Value
	}
	if q.AfterSeq.IsSet {
		out["afterSeq"] = q.AfterSeq.Value
	}
	return out
}
