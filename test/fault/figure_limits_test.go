//go:build figures

package fault

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A node that runs out of descriptors or memory refuses newcomers with 503 and serves on.
func TestFigureFewDescriptors(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	if err := n.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n.wrap = []string{"prlimit", "--nofile=200:200"}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	refused, served := crowd(t, n, 400)
	record(t, "200 descriptors, 400 clients", "handshakes 503, the served stay served", refused > 0 && served, "%d handshakes refused with 503, served all along: %v", refused, served)
}

func TestFigureLittleMemory(t *testing.T) {
	w := newWorld(t, 1, "GOMEMLIMIT=24MiB")
	refused, served := crowd(t, w.nodes[0], 2500)
	record(t, "GOMEMLIMIT=24MiB, 2,500 clients", "handshakes 503, the served stay served", refused > 0 && served, "%d handshakes refused with 503, served all along: %v", refused, served)
}

// crowd lets clients come until nobody is let in any more, while two talk all the time. It returns
// how many handshakes were refused with 503, and whether every message of the two arrived.
func crowd(t *testing.T, n *node, clients int) (refused int, served bool) {
	t.Helper()
	buyer, seller := mustJoin(t, n, customer(1), nil), mustJoin(t, n, vendor(1), nil)
	said := int64(0)
	talk := func() {
		said++
		stored(t, buyer.say(t, "p", vendor(1), "still here", fmt.Sprint("k", said)))
	}
	talk()
	for i := range clients {
		resp, err := http.Get("http://" + n.url + "/socket.io/?EIO=4&transport=polling")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusServiceUnavailable {
				refused++
			}
		}
		if c, err := join(n, customer(2+i), nil); err == nil {
			t.Cleanup(c.close)
		}
		if i%20 == 0 {
			talk()
		}
		if refused >= 20 {
			break
		}
	}
	talk()
	until(t, patience, "everything said arrives", func() bool { return seller.got.Load() >= said })
	return refused, true
}

// The disk of Postgres is full for a while. It lives on a small file system of its own, for which
// this test needs to be root.
func TestFigureDiskFull(t *testing.T) {
	disk, err := os.MkdirTemp("", "chaffer-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(disk) })
	if err := os.Chmod(disk, 0o755); err != nil { // Postgres runs as somebody else
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=160m,mode=0777"); err != nil {
		t.Fatalf("a small file system could not be mounted: %v: run this as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TMPDIR", disk)
	w := newWorld(t, 1)
	n := w.nodes[0]
	buyer, seller := mustJoin(t, n, customer(1), nil), mustJoin(t, n, vendor(1), nil)
	text := strings.Repeat("a long message. ", 200)
	kept, refused, slowest := map[string]bool{}, 0, time.Duration(0)
	say := func(i int) error {
		key := fmt.Sprint("k", i)
		at := time.Now()
		_, err := answered(buyer.say(t, "p", vendor(1), text, key))
		if err == nil {
			kept[key] = true
		} else {
			refused, slowest = refused+1, max(slowest, time.Since(at))
			if !strings.Contains(err.Error(), `"statusCode":503`) {
				t.Errorf("a send was answered: %v", err)
			}
		}
		return err
	}
	for i := range 50 {
		if err := say(i); err != nil {
			t.Fatal(err)
		}
	}
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	i := 50
	for ; refused < 20 && i < 20_000; i++ {
		_ = say(i)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if !w.db.up() {
		w.db.start(t) // a full disk ends it when it cannot write its log
	}
	back := time.Now()
	until(t, 20*time.Second, "a send succeeds again", func() bool { i++; return say(i) == nil })
	recovered := time.Since(back)
	until(t, patience, "everything acknowledged arrives", func() bool { return seller.got.Load() >= int64(len(kept)) })
	db, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lost := 0
	for key := range kept {
		var one int
		if err := db.QueryRow(`SELECT count(*) FROM messages WHERE client_message_id = $1`, key).Scan(&one); err != nil {
			t.Fatal(err)
		}
		if one != 1 {
			lost++
		}
	}
	record(t, "the disk of Postgres full", "503, nothing lost, first good send 3 s after there is room", refused >= 20 && lost == 0 && recovered <= 3*time.Second,
		"%d acknowledged, %d lost, %d sends refused with 503 within %.1f s, first good send %.1f s after there was room", len(kept), lost, refused, slowest.Seconds(), recovered.Seconds())
}

// fill writes until the file system has no room left.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 4096; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}
