package server

import (
	"github.com/prometheus/client_golang/prometheus"
)

// figures turns the node's own counters into metrics when they are asked for.
type figures struct{ s *Server }

var (
	socketsDesc  = prometheus.NewDesc("chaffer_sockets", "Authenticated sockets of this node.", []string{"namespace"}, nil)
	deniedDesc   = prometheus.NewDesc("chaffer_sockets_denied_total", "Sockets refused or cut with a failure.", nil, nil)
	expiredDesc  = prometheus.NewDesc("chaffer_sockets_expired_total", "Sockets cut because their token expired.", nil, nil)
	panicsDesc   = prometheus.NewDesc("chaffer_panics_total", "Panics recovered in handlers.", nil, nil)
	messagesDesc = prometheus.NewDesc("chaffer_messages_stored_total", "Messages committed by this node.", nil, nil)
	batchesDesc  = prometheus.NewDesc("chaffer_commits_total", "Transactions that stored messages.", nil, nil)
	repeatsDesc  = prometheus.NewDesc("chaffer_messages_repeated_total", "Sends answered with the first result of their key.", nil, nil)
	refusedDesc  = prometheus.NewDesc("chaffer_messages_refused_total", "Sends that reached the committer and were not stored.", nil, nil)
	healedDesc   = prometheus.NewDesc("chaffer_chats_healed_total", "Chats read again for a socket because something had not arrived.", nil, nil)
	redisDesc    = prometheus.NewDesc("chaffer_redis_up", "1 while Redis answers, 0 while this node goes on with its own view.", nil, nil)
	redisLost    = prometheus.NewDesc("chaffer_redis_lost_total", "Times Redis was found away.", nil, nil)
	busDesc      = prometheus.NewDesc("chaffer_bus_total", "News between nodes, by what became of them.", []string{"outcome"}, nil)
	busComplete  = prometheus.NewDesc("chaffer_bus_complete", "1 while news of all other nodes can be expected to arrive.", nil, nil)
	drainingDesc = prometheus.NewDesc("chaffer_draining", "1 while the node is shutting down.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f figures) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, out) }

// Collect implements prometheus.Collector.
func (f figures) Collect(out chan<- prometheus.Metric) {
	sockets := f.s.realtime.Stats()
	for nsp, n := range sockets.Sockets {
		out <- prometheus.MustNewConstMetric(socketsDesc, prometheus.GaugeValue, float64(n), nsp)
	}
	chats := f.s.chats.Stats()
	for desc, n := range map[*prometheus.Desc]uint64{
		deniedDesc: sockets.Denied, expiredDesc: sockets.Expired, panicsDesc: sockets.Panics,
		messagesDesc: chats.Stored, batchesDesc: chats.Commits, repeatsDesc: chats.Repeated, refusedDesc: chats.Refused,
		healedDesc: chats.Healed,
	} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n))
	}
	out <- prometheus.MustNewConstMetric(drainingDesc, prometheus.GaugeValue, oneIf(f.s.draining.Load()))
	if l := f.s.live; l.redis != nil {
		out <- prometheus.MustNewConstMetric(redisDesc, prometheus.GaugeValue, oneIf(l.redis.Up()))
		out <- prometheus.MustNewConstMetric(redisLost, prometheus.CounterValue, float64(l.redis.Failures()))
		out <- prometheus.MustNewConstMetric(busComplete, prometheus.GaugeValue, oneIf(l.bus.Complete()))
		b := l.bus.Stats()
		for outcome, n := range map[string]uint64{"published": b.Published, "dropped": b.Dropped, "received": b.Received, "refused": b.Refused} {
			out <- prometheus.MustNewConstMetric(busDesc, prometheus.CounterValue, float64(n), outcome)
		}
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
