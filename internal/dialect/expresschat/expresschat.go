// Package expresschat speaks the contract of docs/DIALECTS.md called expresschat: accounts of its own
// with an access and a refresh token, self, personal and group chats on the namespace "/".
package expresschat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"chaffer/internal/account"
	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// pair marks the identity of a session that presented both tokens.
const pair = "pair"

// ExpressChat is this contract on a node.
type ExpressChat struct {
	house    dialect.House
	root     *dialect.Root
	accounts *account.Service
	secure   bool // cookies over https only
}

// New prepares the contract; Authenticate and Failure are for the shared namespace, to which Bind
// then adds it.
func New(house dialect.House, accounts *account.Service, secureCookies bool) *ExpressChat {
	return &ExpressChat{house: house, accounts: accounts, secure: secureCookies}
}

// pairError is a refusal of somebody who presented a pair, or nothing at all.
type pairError struct{ error }

func (e pairError) Unwrap() error { return e.error }

// Authenticate accepts a pair (in auth, in cookies or in the query), else a plain token as the other
// contracts of this namespace present it.
func (e *ExpressChat) Authenticate(ctx context.Context, c realtime.Credentials) (auth.Identity, error) {
	access, refresh := tokens(c)
	if access == "" && refresh == "" && c.Token != "" {
		return e.house.Verify(ctx, c.Token)
	}
	if access == "" || refresh == "" {
		return auth.Identity{}, pairError{apperr.New(apperr.Unauthorized, "Present both tokens, access and refresh: log in again")}
	}
	id, err := e.accounts.Check(ctx, access, refresh)
	if err != nil {
		return id, pairError{err}
	}
	id.Scope = pair
	return id, nil
}

// Failure is auth-failure for a refused pair, and error for everything else.
func (e *ExpressChat) Failure(err error, event string) (string, any) {
	var refused pairError
	if !errors.As(err, &refused) {
		return dialect.Failure(err, event)
	}
	return "auth-failure", Reason{apperr.Describe(err).Message}
}

// tokens finds the pair in the places the document's clients put it.
func tokens(c realtime.Credentials) (access, refresh string) {
	var given struct {
		Access   string `json:"access_token"`
		Refresh  string `json:"refresh_token"`
		Access2  string `json:"accessToken"`
		Refresh2 string `json:"refreshToken"`
	}
	_ = json.Unmarshal(c.Auth, &given) // what is no such object presents no pair
	access, refresh = first(given.Access, given.Access2), first(given.Refresh, given.Refresh2)
	if access == "" && refresh == "" {
		header := http.Header{"Cookie": {c.Cookie}}
		for _, cookie := range (&http.Request{Header: header}).Cookies() {
			switch cookie.Name {
			case "access_token":
				access = cookie.Value
			case "refresh_token":
				refresh = cookie.Value
			}
		}
	}
	if access == "" && refresh == "" {
		access, refresh = c.Query.Get("accessToken"), c.Query.Get("refreshToken")
	}
	return access, refresh
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Bind adds the contract to the shared namespace.
func (e *ExpressChat) Bind(root *dialect.Root) {
	e.root = root
	root.Add(dialect.Contract{Scope: pair, Connect: e.connect, Missed: e.missed, Message: e.sent, Event: e.event}, false)
	e.bindEvents(root.Realtime())
}

// Cut ends the sockets of a log-in that is over; those of other log-ins stay.
func (e *ExpressChat) Cut(over account.Ended) {
	for _, c := range e.root.Realtime().Conns(over.User) {
		if isPair(c) && c.Identity().LogIn == over.LogIn {
			c.Close()
		}
	}
}

func isPair(c *realtime.Conn) bool { return c.Identity().Scope == pair }

// connect makes the three unsolicited pushes, in the document's order.
func (e *ExpressChat) connect(ctx context.Context, c *realtime.Conn) error {
	if !isPair(c) {
		return nil
	}
	if err := c.Emit("user-id", UserID{dialect.ID(c.User()), e.house.Name(ctx, c.User())}); err != nil {
		return err
	}
	inbox, err := e.house.Chats.Inbox(ctx, c.User(), chat.InboxInput{Limit: chat.MaxPage, Empty: true})
	if err != nil {
		return err
	}
	personal, groups := PersonalList{[]Personal{}}, GroupList{[]Group{}}
	for _, i := range inbox.Items {
		var last *Message
		if n := len(i.Messages); n > 0 {
			m := e.message(ctx, i.Messages[n-1], i.Members)
			last = &m
		}
		people := make([]models.UserRef, 0, len(i.Members))
		for _, m := range i.Members {
			people = append(people, m.User())
		}
		switch i.Chat.Kind {
		case models.KindSelf:
		case models.KindGroup:
			groups.GroupChatList = append(groups.GroupChatList, Group{i.Chat.ID, i.Chat.Title, last, i.Mine.Unread})
		default:
			personal.PersonalChatList = append(personal.PersonalChatList, Personal{i.Chat.ID, last, e.partner(ctx, people, c.User()), i.Mine.Unread})
		}
	}
	if err := c.Emit("personal-chat-list", personal); err != nil {
		return err
	}
	return c.Emit("group-chat-list", groups)
}
