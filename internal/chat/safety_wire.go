package chat

import (
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// PersonRequest is blockUser and unblockUser.
type PersonRequest struct {
	UserID   wire.ID `json:"userId"`
	UserType string  `json:"userType" enum:"customer,vendor,member"`
}

func (r PersonRequest) user() models.UserRef {
	return models.UserRef{Type: models.UserType(r.UserType), ID: string(r.UserID)}
}

// BlockJSON says whether somebody is blocked by the caller.
type BlockJSON struct {
	UserID   wire.ID `json:"userId"`
	UserType string  `json:"userType"`
	Blocked  bool    `json:"blocked"`
}

// BlockedJSON is somebody the caller has blocked.
type BlockedJSON struct {
	UserID    wire.ID   `json:"userId"`
	UserType  string    `json:"userType"`
	BlockedAt wire.Time `json:"blockedAt" format:"date-time"`
}

// ReportRequest is reportMessage.
type ReportRequest struct {
	ChatID    string `json:"chatId"`
	MessageID string `json:"messageId"`
	Reason    string `json:"reason" enum:"spam,abuse,fraud,illegal,other"`
	Note      string `json:"note,omitempty" doc:"In the reporter's own words, at most 1,000 characters."`
}

// ReportJSON is a report as its author sees it.
type ReportJSON struct {
	ID        string    `json:"id" format:"uuid"`
	ChatID    string    `json:"chatId" format:"uuid"`
	MessageID string    `json:"messageId" format:"uuid"`
	Reason    string    `json:"reason"`
	Note      string    `json:"note"`
	CreatedAt wire.Time `json:"createdAt" format:"date-time"`
}

// AdminReportJSON is a report as an admin sees it.
type AdminReportJSON struct {
	ReportJSON
	ReporterID   wire.ID           `json:"reporterId"`
	ReporterType string            `json:"reporterType"`
	Message      *AdminMessageJSON `json:"message,omitempty" doc:"What was reported; absent when it has been erased with its chat."`
	Resolved     bool              `json:"resolved"`
	ResolvedAt   *wire.Time        `json:"resolvedAt,omitempty" format:"date-time"`
	ResolvedByID wire.ID           `json:"resolvedById,omitempty"`
	Resolution   string            `json:"resolution,omitempty"`
}

// FrozenJSON is the body of chatFrozen and chatUnfrozen.
type FrozenJSON struct {
	ChatID string `json:"chatId" format:"uuid"`
	Frozen bool   `json:"frozen" doc:"Nobody can write in the chat."`
}

func toBlock(u models.UserRef, on bool) BlockJSON {
	return BlockJSON{UserID: wire.ID(u.ID), UserType: string(u.Type), Blocked: on}
}

func blockBody(u models.UserRef, on bool) wire.Envelope[BlockJSON] {
	if on {
		return wire.OK("User has been blocked", toBlock(u, true))
	}
	return wire.OK("User has been unblocked", toBlock(u, false))
}

func toReport(r models.Report) ReportJSON {
	return ReportJSON{ID: r.ID, ChatID: r.ChatID, MessageID: r.MessageID, Reason: r.Reason, Note: r.Note, CreatedAt: wire.At(r.CreatedAt)}
}

func reportBody(r models.Report) wire.Envelope[ReportJSON] {
	return wire.Envelope[ReportJSON]{Message: "Message has been reported", StatusCode: 201, Data: toReport(r)}
}

func toAdminReport(r reportedMessage) AdminReportJSON {
	out := AdminReportJSON{
		ReportJSON: toReport(r.Report), ReporterID: wire.ID(r.ReporterID), ReporterType: string(r.ReporterType),
		Resolved: r.ResolvedAt != nil, ResolvedAt: wire.AtPtr(r.ResolvedAt), ResolvedByID: wire.ID(r.ResolvedByID), Resolution: r.Resolution,
	}
	if r.Message.ID != "" {
		out.Message = &toAdminMessages([]models.Message{r.Message}, nil)[0]
	}
	return out
}

func frozenBody(chatID string, on bool) (string, wire.Envelope[FrozenJSON]) {
	if on {
		return "chatFrozen", wire.OK("Chat has been frozen", FrozenJSON{chatID, true})
	}
	return "chatUnfrozen", wire.OK("Chat can be written in again", FrozenJSON{chatID, false})
}
