package porttest

import (
	"net"
	"testing"
)

func TestAPortIsFreeAndNotGivenTwice(t *testing.T) {
	given := map[string]bool{}
	for range 300 {
		address := Address(t)
		if given[address] {
			t.Fatalf("%s was given twice", address)
		}
		given[address] = true
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
	}
}

func TestAPortInUseIsPassedOver(t *testing.T) {
	port := Port(t)
	ln, err := net.Listen("tcp", Address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	mu.Lock()
	next = ln.Addr().(*net.TCPAddr).Port
	mu.Unlock()
	if again := Port(t); again == port || again == ln.Addr().(*net.TCPAddr).Port {
		t.Errorf("got %d, on which somebody listens", again)
	}
}
