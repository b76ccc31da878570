package server

import (
	"context"
	"encoding/json"
	"time"

	"chaffer/config"
	"chaffer/internal/bus"
	"chaffer/internal/chat"
	"chaffer/internal/limit"
	"chaffer/internal/models"
	"chaffer/internal/presence"
	"chaffer/internal/redis"
	"chaffer/internal/wire"
)

// live is what nodes tell each other; with an empty REDIS_URL there is one node, and all of it is
// in memory.
type live struct {
	redis   *redis.Client   // nil: one node
	shared  *presence.Redis // nil: one node
	bus     bus.Bus
	limiter chat.Limiter
	stop    context.CancelFunc
	stopped chan struct{}
}

// openLive chooses between one node and several. A Redis that is down does not keep it from starting.
func (s *Server) openLive() error {
	rates := chat.Rates{
		SendsPerSecond: s.cfg.LimitSendsPerSecond, SendsPerMinute: s.cfg.LimitSendsPerMinute, NewChatsPerHour: s.cfg.LimitNewChatsPerHour,
	}
	local := chat.NewLocalLimiter(rates)
	s.live = live{bus: bus.Alone{}, limiter: local, stop: func() {}, stopped: make(chan struct{})}
	if s.cfg.RedisURL == "" {
		s.tracker = presence.NewMemory(s.cfg.PresenceGrace)
		close(s.live.stopped)
		return nil
	}
	key, err := bus.Key(busSecret(s.cfg))
	if err != nil {
		return err
	}
	client, err := redis.Open(s.cfg.RedisURL, s.log)
	if err != nil {
		return err
	}
	s.live.redis = client
	s.live.shared = presence.NewRedis(client, s.cfg.PresenceGrace, s.cfg.LimitSocketsPerUser, s.log)
	s.tracker = s.live.shared
	s.live.bus = bus.NewRedis(client, s.live.shared, key, s.log)
	s.live.limiter = limit.New(client, limit.Rates(rates), local)
	return nil
}

// busSecret is what the seal of the bus is derived from; production insists on one of its own kind.
func busSecret(c config.Config) string {
	switch {
	case c.BusSecret != "":
		return c.BusSecret
	case c.JWTSecret != "":
		return c.JWTSecret
	}
	return config.DevelopmentSecret
}

// complete reports whether news of all other nodes arrive; nil when there are none.
func (l *live) complete() func() bool {
	if l.redis == nil {
		return nil
	}
	return l.bus.Complete
}

// presenceNews is a change of presence on its way to other nodes.
type presenceNews struct {
	User     models.UserRef   `json:"user"`
	Online   bool             `json:"online"`
	LastSeen time.Time        `json:"lastSeen"`
	People   []models.UserRef `json:"people"`
}

const kindPresence = "presence"

// startLive connects the features with the bus.
func (s *Server) startLive() {
	b := s.live.bus
	if s.live.redis == nil {
		return
	}
	s.chats.Carry(func(kind string, people []models.UserRef, e chat.Event) { b.Publish(kind, people, e) })
	for _, kind := range chat.Kinds() {
		b.Handle(kind, func(body json.RawMessage) error { return s.chats.Arrived(kind, body) })
	}
	s.presence.Carry(func(c presence.Change, people []models.UserRef) {
		b.Publish(kindPresence, people, presenceNews{c.User, c.Online, c.LastSeen, people})
	})
	b.Handle(kindPresence, func(body json.RawMessage) error {
		var n presenceNews
		if err := wire.Strict(body, &n); err != nil {
			return err
		}
		s.presence.Arrived(presence.Change{User: n.User, Online: n.Online, LastSeen: n.LastSeen}, n.People)
		return nil
	})
	b.Start()
	ctx, cancel := context.WithCancel(context.Background())
	s.live.stop = cancel
	go func() {
		defer close(s.live.stopped)
		s.watchStrays(ctx)
	}()
}

const strayEvery = 5 * time.Second

// watchStrays cuts /chat sockets whose user has left /presence on another node: the Change is heard
// where it was noticed. Twice in a row, so that somebody just arriving is not cut.
func (s *Server) watchStrays(ctx context.Context) {
	suspects := map[models.UserRef]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(strayEvery):
		}
		found := map[models.UserRef]bool{}
		for _, u := range s.chatNsp.Realtime().Users() {
			if s.live.shared.Degraded() || s.live.shared.Here(u) || s.tracker.Online(ctx, u) {
				continue
			}
			if found[u] = true; suspects[u] {
				s.chatNsp.Left(u)
			}
		}
		suspects = found
	}
}

// closeLive ends it after everything that publishes has ended.
func (s *Server) closeLive() error {
	s.live.stop()
	<-s.live.stopped
	s.live.bus.Close()
	if s.live.redis == nil {
		return nil
	}
	return s.live.redis.Close()
}
