package fault

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"chaffer/internal/auth"
)

// witness is the stock client in a process of its own, see witness.mjs.
type witness struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.Reader
	ended sync.WaitGroup
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	if _, err := os.Stat("../contract/node_modules/socket.io-client"); err != nil {
		t.Fatal("the stock client is not installed: run scripts/contract once")
	}
	w := &witness{cmd: exec.Command("node", "witness.mjs")}
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	w.cmd.Stderr = os.Stderr
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if w.out, err = w.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.in.Close()
		w.ended.Wait()
		_ = w.cmd.Wait()
	})
	return w
}

// observe lets it connect for its device and notes what it sees. It decides itself when to come
// back, so what it sees on one connection is not told apart from the next.
func (d *device) observe() error {
	token, err := auth.Mint(secret, auth.Claims{User: d.who}, 24*time.Hour)
	if err != nil {
		return err
	}
	b, _ := json.Marshal(map[string]string{"node": "http://" + d.run.world.nodes[d.home%len(d.run.world.nodes)].url, "token": token})
	if _, err := d.witness.in.Write(append(b, '\n')); err != nil {
		return err
	}
	d.witness.ended.Go(func() {
		lines := bufio.NewScanner(d.witness.out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var said struct {
				Via      string
				Messages []message
			}
			if json.Unmarshal(lines.Bytes(), &said) != nil {
				continue
			}
			for _, m := range said.Messages {
				d.take(m, "")
			}
		}
	})
	return nil
}
