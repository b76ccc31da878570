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
	} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n))
	}
	draining := 0.0
	if f.s.draining.Load() {
		draining = 1
	}
	out <- prometheus.MustNewConstMetric(drainingDesc, prometheus.GaugeValue, draining)
}
