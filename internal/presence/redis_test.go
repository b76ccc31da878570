package presence

import (
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// zero is an entry whose time is long over.
func zero(member string) goredis.Z { return goredis.Z{Score: 1, Member: member} }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
