//go:build faults

package chat

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// With the build tag faults, SIGUSR1 arms the point that CHAFFER_FAULT names: whoever passes it
// next kills the process, as kill -9 does. The points are before-commit, after-commit (and before
// the acknowledgement), before-publish and in-flush.
var (
	armed    atomic.Bool
	deadlyAt = os.Getenv("CHAFFER_FAULT")
)

func init() {
	if deadlyAt == "" {
		return
	}
	arm := make(chan os.Signal, 1)
	signal.Notify(arm, syscall.SIGUSR1)
	go func() {
		<-arm
		armed.Store(true)
	}()
}

func faultPoint(name string) {
	if name == deadlyAt && armed.Load() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it comes
	}
}
