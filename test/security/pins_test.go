package security

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// floors are the oldest versions that may be linked; "=" is the only one that may. Below them are
// known ways to stop or leak a server, or a pair that does not belong together.
var floors = map[string]string{
	// v3.0.2 can be stopped by a client without a token, v3.0.4 leaks with every connection, and
	// the five belong together.
	"github.com/zishang520/socket.io/v3":                "=v3.0.5",
	"github.com/zishang520/socket.io/parsers/engine/v3": "=v3.0.5",
	"github.com/zishang520/socket.io/parsers/socket/v3": "=v3.0.5",
	"github.com/zishang520/socket.io/servers/engine/v3": "=v3.0.5",
	"github.com/zishang520/socket.io/servers/socket/v3": "=v3.0.5",

	"github.com/golang-jwt/jwt/v5":     "v5.2.2", // dots without end cost memory before
	"github.com/MicahParks/keyfunc/v3": "v3.8.0",
	"github.com/gorilla/websocket":     "v1.5.3",
	"github.com/quic-go/quic-go":       "v0.62.0",
	"github.com/go-chi/chi/v5":         "v5.5.0",
	"github.com/go-chi/cors":           "v1.2.2",
	"github.com/danielgtaylor/huma/v2": "v2.39.0",
	"github.com/jackc/pgx/v5":          "v5.10.0",
	"github.com/redis/go-redis/v9":     "v9.23.0",
	"github.com/minio/minio-go/v7":     "v7.3.0",
	"github.com/wneessen/go-mail":      "v0.8.1",
	"github.com/google/uuid":           "v1.6.0",
	"github.com/pressly/goose/v3":      "=v3.28.0", // a later one asks for another pair of the next two
	"modernc.org/sqlite":               "=v1.60.1",
	"modernc.org/libc":                 "=v1.77.1",
	"gorm.io/gorm":                     "v1.31.2",
	"gorm.io/driver/postgres":          "v1.6.3",
	"gorm.io/driver/sqlite":            "v1.6.0",
	"golang.org/x/crypto":              "v0.58.0",
	"golang.org/x/image":               "v0.46.0",
	"golang.org/x/net":                 "v0.60.0",
	"golang.org/x/text":                "v0.43.0",
	"golang.org/x/time":                "v0.16.0",
}

// go.mod pins every module with a floor, at the floor or above; nothing is replaced.
func TestPinsAreAtTheirFloors(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	pinned := map[string]string{}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) > 0 && (fields[0] == "replace" || fields[0] == "exclude" || strings.Contains(line, "=>")) {
			t.Errorf("go.mod replaces or excludes: %s", line)
		}
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			pinned[fields[0]] = fields[1]
		}
	}
	for module, floor := range floors {
		version, exact := strings.CutPrefix(floor, "=")
		have, ok := pinned[module]
		switch {
		case !ok:
			t.Errorf("%s is not in go.mod: take its floor away when it is not used any more", module)
		case exact && have != version:
			t.Errorf("%s is at %s: only %s is known to be good", module, have, version)
		case below(have, version):
			t.Errorf("%s is at %s, below %s", module, have, version)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"v1.2.3", "v1.2.3", false}, {"v1.2.3", "v1.10.0", true}, {"v1.10.0", "v1.9.9", false}, {"v2.0.0", "v1.9.9", false}, {"v1.2.3-rc.1", "v1.2.3", true}} {
		if below(c.a, c.b) != c.want {
			t.Errorf("below(%s, %s) is %v", c.a, c.b, !c.want)
		}
	}
}

// below compares two versions by their three numbers; one with a suffix comes before the one without.
func below(a, b string) bool {
	numbers := func(v string) (out [3]int, suffix bool) {
		v, _, suffix = strings.Cut(strings.TrimPrefix(v, "v"), "-")
		for i, part := range strings.SplitN(v, ".", 3) {
			out[i], _ = strconv.Atoi(part)
		}
		return out, suffix
	}
	x, early := numbers(a)
	y, late := numbers(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return early && !late
}
