package chat

import (
	"context"
	"sync"
	"time"

	"chaffer/internal/models"
)

// typingEnds is how long someone counts as typing after the last sign of it.
const typingEnds = 6 * time.Second

// typingPerSecond bounds the signs passed on; more are dropped without a word.
const typingPerSecond = 2

type typist struct {
	chatID string
	user   models.UserRef
}

type typingState struct {
	timer   *time.Timer
	members []models.UserRef
	last    time.Time
}

// typing remembers who is typing, so that it ends by itself.
type typing struct {
	publish func(Event)

	mu     sync.Mutex
	active map[typist]*typingState
}

func newTyping(publish func(Event)) *typing {
	return &typing{publish: publish, active: map[typist]*typingState{}}
}

// Typing tells the other side that the actor is typing; it ends after six seconds without
// another call, on a send, on StoppedTyping and on Silence. NotFound for a chat that is not the actor's.
func (s *Service) Typing(ctx context.Context, actor models.UserRef, chatID string) error {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return err
	}
	if s.safety.mayWrite(e.chat, actor, e.others(actor)) != nil {
		return nil // nobody is waiting for what cannot be sent
	}
	s.typing.start(typist{e.chat.ID, actor}, e.members)
	return nil
}

// StoppedTyping ends it at once.
func (s *Service) StoppedTyping(ctx context.Context, actor models.UserRef, chatID string) error {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return err
	}
	s.typing.stop(typist{e.chat.ID, actor})
	return nil
}

// Silence ends all of somebody's typing: their last socket on this node has gone.
func (s *Service) Silence(u models.UserRef) { s.typing.silence(u) }

func (t *typing) start(who typist, members []models.UserRef) {
	now := time.Now()
	t.mu.Lock()
	state, again := t.active[who]
	if again && now.Sub(state.last) < time.Second/typingPerSecond {
		t.mu.Unlock()
		return
	}
	if !again {
		state = &typingState{members: members}
		state.timer = time.AfterFunc(typingEnds, func() { t.stop(who) })
		t.active[who] = state
	} else {
		state.timer.Reset(typingEnds)
	}
	state.last = now
	t.mu.Unlock()
	t.publish(TypingChanged{ChatID: who.chatID, Members: members, User: who.user, Typing: true})
}

func (t *typing) stop(who typist) {
	t.mu.Lock()
	state, ok := t.active[who]
	if ok {
		state.timer.Stop()
		delete(t.active, who)
	}
	t.mu.Unlock()
	if ok {
		t.publish(TypingChanged{ChatID: who.chatID, Members: state.members, User: who.user})
	}
}

func (t *typing) silence(u models.UserRef) {
	t.mu.Lock()
	var mine []typist
	for who := range t.active {
		if who.user == u {
			mine = append(mine, who)
		}
	}
	t.mu.Unlock()
	for _, who := range mine {
		t.stop(who)
	}
}

// close ends everything without telling anybody.
func (t *typing) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for who, state := range t.active {
		state.timer.Stop()
		delete(t.active, who)
	}
}
