package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"chaffer/internal/auth"
	"chaffer/internal/models"
)

// question is one thing a client asks.
type question struct {
	name string
	ask  func(ctx context.Context, w *world, long string) error
}

var (
	customer1 = models.UserRef{Type: models.TypeCustomer, ID: "1"}
	admin     = models.UserRef{Type: models.TypeAdmin, ID: "1"}
)

var questions = []question{
	{"newest 50 messages of the longest chat", func(ctx context.Context, w *world, long string) error {
		return w.get(ctx, customer1, "/api/v1/chats/"+long+"/messages?limit=50")
	}},
	{"deepest 50 messages of the longest chat", func(ctx context.Context, w *world, long string) error {
		return w.get(ctx, customer1, "/api/v1/chats/"+long+"/messages?limit=50&beforeSeq=51")
	}},
	{"first 50 of a vendor's 10 chats", inbox("10")},
	{"first 50 of a vendor's 1,000 chats", inbox("1000")},
	{"first 50 of a vendor's 10,000 chats", inbox("10000")},
	{"connect to userChats, vendor of 10 chats", arrive("10")},
	{"connect to userChats, vendor of 1,000 chats", arrive("1000")},
	{"connect to userChats, vendor of 10,000 chats", arrive("10000")},
	{"admin's first 50 chats", search("/api/v1/admin/chats?limit=50")},
	{"admin's first 50 chats of one vendor of 10,000", search("/api/v1/admin/chats?limit=50&vendorId=10000")},
	{"admin's search for a word of nearly no message", search("/api/v1/admin/chats?limit=50&q=zanzibar")},
	{"admin's search for a word of every message", search("/api/v1/admin/chats?limit=50&q=available")},
}

func inbox(vendor string) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, _ string) error {
		return w.get(ctx, models.UserRef{Type: models.TypeVendor, ID: vendor}, "/api/v1/chats?limit=50")
	}
}

func search(path string) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, _ string) error { return w.get(ctx, admin, path) }
}

// arrive connects as a vendor, and ends when the list of chats is there.
func arrive(vendor string) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, _ string) error {
		token, err := auth.Mint(secret, auth.Claims{User: models.UserRef{Type: models.TypeVendor, ID: vendor}}, time.Hour)
		if err != nil {
			return err
		}
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(w.base, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			return err
		}
		defer ws.Close()
		for _, nsp := range []string{"/presence", "/chat"} {
			if err := ws.WriteMessage(websocket.TextMessage, []byte(`40`+nsp+`,{"token":"`+token+`"}`)); err != nil {
				return err
			}
		}
		_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				return err
			}
			if strings.HasPrefix(string(b), `42/chat,["userChats"`) {
				return nil
			}
		}
	}
}

func (w *world) get(ctx context.Context, who models.UserRef, path string) error {
	token, err := auth.Mint(secret, auth.Claims{User: who}, time.Hour)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !json.Valid(b)) {
		err = fmt.Errorf("%s: %s: %.200s", path, resp.Status, b)
	}
	return err
}

// ask asks each question n times, in turns, and returns each one's median in milliseconds.
func (w *world) ask(ctx context.Context, n int) (map[string]float64, error) {
	conn, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	var long string
	if err := conn.QueryRow(ctx, "SELECT id::text FROM chats WHERE vendor_id = '1' AND customer_id = '1' ORDER BY last_seq DESC LIMIT 1").Scan(&long); err != nil {
		return nil, err
	}
	times := map[string][]time.Duration{}
	for range n {
		for _, q := range questions {
			began := time.Now()
			if err := q.ask(ctx, w, long); err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			times[q.name] = append(times[q.name], time.Since(began))
		}
	}
	out := map[string]float64{}
	for name, all := range times {
		slices.Sort(all)
		out[name] = float64(all[len(all)/2]) / 1e6
	}
	return out, nil
}
