package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

// append commits a batch: each message gets the next place of its chat, everybody's positions
// and counters move with it, all in one transaction. It fills each op's entry, message.Seq,
// opened, duplicate, wasUnread and err (a key used for other content, a chat that is gone).
// When it returns an error, nothing of the batch is stored, or (Unavailable) it is unknown.
func (st *store) append(ctx context.Context, batch []*appendOp) error {
	if st.db.Dialect == db.Postgres && !mayRepeat(batch) {
		// The common case is one statement and one round trip. A repeated key breaks the
		// uniqueness rule, stores nothing, and is sorted out below.
		err := st.write(ctx, st.db.ConnPool, batch)
		if !db.IsDuplicate(err) {
			return err
		}
		for _, op := range batch {
			op.reset()
		}
	}
	return st.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := openChats(tx, batch); err != nil {
			return err
		}
		if err := lockChats(tx, batch); err != nil {
			return err
		}
		kept, err := refreshGroups(tx, batch)
		if err != nil {
			return err
		}
		fresh, err := st.sortOutRepeats(tx, kept)
		if err != nil || len(fresh) == 0 {
			return err
		}
		if err := st.write(ctx, tx.Statement.ConnPool, fresh); err != nil {
			return err
		}
		for _, op := range batch {
			if op.twin != nil {
				op.message, op.duplicate = op.twin.message, true
			}
		}
		return useImages(tx, fresh)
	})
}

// mayRepeat reports whether a batch needs the long way: a chat to open, images to take, people who
// may have changed, or one key twice.
func mayRepeat(batch []*appendOp) bool {
	var keys map[string]bool
	for _, op := range batch {
		if op.entry == nil || len(op.images) > 0 || op.entry.chat.Kind == models.KindGroup {
			return true
		}
		k := op.key()
		if k == "" || len(batch) == 1 {
			continue
		}
		if keys[k] {
			return true
		}
		if keys == nil {
			keys = make(map[string]bool, len(batch))
		}
		keys[k] = true
	}
	return false
}

// openChats makes the chats that do not exist yet; when another node was faster, its chat is used.
// They are opened in one order everywhere, so that two batches cannot wait for each other.
func openChats(tx *gorm.DB, batch []*appendOp) error {
	open := map[triple]*entry{}
	var order []triple
	for _, op := range batch {
		if op.entry != nil {
			continue
		}
		t := triple{op.open.ProductID, op.open.VendorID, op.open.CustomerID}
		if open[t] == nil {
			open[t] = &entry{chat: *op.open}
			open[t].chat.CreatedAt = op.message.CreatedAt
			order = append(order, t)
		}
	}
	slices.SortFunc(order, func(a, b triple) int {
		return strings.Compare(a.product+"\x00"+a.vendor+"\x00"+a.customer, b.product+"\x00"+b.vendor+"\x00"+b.customer)
	})
	for _, t := range order {
		e, err := openChat(tx, open[t].chat, t)
		if err != nil {
			return err
		}
		open[t] = e
	}
	for _, op := range batch {
		if op.entry == nil {
			op.entry = open[triple{op.open.ProductID, op.open.VendorID, op.open.CustomerID}]
		}
	}
	return nil
}

func openChat(tx *gorm.DB, c models.Chat, t triple) (*entry, error) {
	c.UpdatedAt, c.LastMessageAt = c.CreatedAt, c.CreatedAt
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&c)
	if created.Error != nil {
		return nil, fmt.Errorf("open chat: %w", created.Error)
	}
	if created.RowsAffected == 0 {
		id, err := readTriple(tx, t)
		if err != nil {
			return nil, err
		}
		return readEntry(tx, id)
	}
	customer, vendor := c.Parties()
	members := []models.Member{newMember(c, customer), newMember(c, vendor)}
	if err := tx.Create(&members).Error; err != nil {
		return nil, fmt.Errorf("open chat: %w", err)
	}
	return &entry{chat: c, members: []models.UserRef{customer, vendor}}, nil
}

func newMember(c models.Chat, u models.UserRef) models.Member {
	return models.Member{
		ChatID: c.ID, UserType: u.Type, UserID: u.ID, Role: "member", LastMessageAt: c.LastMessageAt, JoinedAt: c.CreatedAt,
	}
}

// lockChats takes the chats' rows, in id order. What is read afterwards about their messages
// cannot change before the commit.
func lockChats(tx *gorm.DB, batch []*appendOp) error {
	ids := make([]string, 0, len(batch))
	for _, op := range batch {
		ids = append(ids, op.entry.chat.ID)
	}
	slices.Sort(ids)
	var locked []string
	q := tx.Model(&models.Chat{}).Select("id").Where("id IN ?", slices.Compact(ids)).Order("id")
	if tx.Name() == "postgres" { // a SQLite transaction has the whole database to itself
		q = q.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	return fail("lock chats", q.Scan(&locked).Error)
}

// sortOutRepeats answers the messages whose key was used before, in this batch or ever, and
// returns the others.
func (st *store) sortOutRepeats(tx *gorm.DB, batch []*appendOp) ([]*appendOp, error) {
	stored, err := st.byKeys(tx, batch)
	if err != nil {
		return nil, err
	}
	fresh := make([]*appendOp, 0, len(batch))
	first := map[string]*appendOp{}
	for _, op := range batch {
		key := op.key()
		if key == "" {
			fresh = append(fresh, op)
			continue
		}
		if m, ok := stored[key]; ok {
			op.repeat(m)
			continue
		}
		if earlier, ok := first[key]; ok {
			if op.err = sameContent(earlier.message, earlier.entry.chat.ID, op); op.err == nil {
				op.twin = earlier
			}
			continue
		}
		first[key] = op
		fresh = append(fresh, op)
	}
	return fresh, nil
}

// repeat answers op with the message first stored under its key.
func (op *appendOp) repeat(m models.Message) {
	if op.err = sameContent(m, m.ChatID, op); op.err == nil {
		op.message, op.duplicate = m, true
	}
}

func sameContent(m models.Message, chatID string, op *appendOp) error {
	if chatID != op.entry.chat.ID || string(m.ContentHash) != string(op.message.ContentHash) {
		return apperr.New(apperr.Conflict, "This clientMessageId was used for another message: use a new one for each message")
	}
	return nil
}

// memberPlan is what a run of new messages does to one member of a chat.
type memberPlan struct {
	user    models.UserRef
	lead    int64 // own messages before the first of somebody else
	lastOwn int64 // place in the run (from 1) of the last own message; 0: none
	after   int64 // messages of others behind it
}

// chatPlan is a run of new messages of one chat, in order.
type chatPlan struct {
	entry   *entry
	ops     []*appendOp
	at      time.Time
	members []memberPlan
}

// planAppend groups a batch by chat, chats in id order.
func planAppend(batch []*appendOp) []chatPlan {
	index := map[string]int{}
	var plans []chatPlan
	for _, op := range batch {
		i, ok := index[op.entry.chat.ID]
		if !ok {
			i = len(plans)
			index[op.entry.chat.ID] = i
			plans = append(plans, chatPlan{entry: op.entry, at: op.message.CreatedAt})
		}
		plans[i].ops = append(plans[i].ops, op)
	}
	slices.SortFunc(plans, func(a, b chatPlan) int { return strings.Compare(a.entry.chat.ID, b.entry.chat.ID) })
	for i := range plans {
		for _, u := range plans[i].entry.members {
			plans[i].members = append(plans[i].members, planMember(u, plans[i].ops))
		}
	}
	return plans
}

func planMember(u models.UserRef, ops []*appendOp) memberPlan {
	p := memberPlan{user: u}
	foreign := int64(0)
	for i, op := range ops {
		if op.message.Sender() != u {
			foreign++
			p.after++
			continue
		}
		if foreign == 0 {
			p.lead++
		}
		op.wasUnread = p.after // of this run; what was unread before it is added by the store
		p.lastOwn, p.after = int64(i+1), 0
	}
	return p
}

// place gives the run its seqs above base and adds what the senders had not read before it.
func (p chatPlan) place(base int64, unreadBefore map[models.UserRef]int64) {
	for i, op := range p.ops {
		op.message.ChatID = p.entry.chat.ID
		op.message.Seq = base + int64(i) + 1
		op.opened = op.message.Seq == 1
		sender := op.message.Sender()
		op.wasUnread += unreadBefore[sender]
		delete(unreadBefore, sender)
	}
}
