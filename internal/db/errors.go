package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"modernc.org/sqlite"

	"chaffer/internal/apperr"
)

// SQLite's extended result codes for a broken uniqueness or foreign key rule, and its primary
// codes for "not now" (https://www.sqlite.org/rescode.html).
const (
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
	sqliteForeignKey = 787
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteReadOnly   = 8
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
)

// IsDuplicate reports whether err is a broken uniqueness rule.
func IsDuplicate(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlitePrimaryKey || lite.Code() == sqliteUnique
	}
	return false
}

// IsMissingParent reports whether err is a broken foreign key: the row pointed at is not there.
func IsMissingParent(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code() == sqliteForeignKey
}

// IsNotFound reports whether err says that no row matched.
func IsNotFound(err error) bool {
	return errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, sql.ErrNoRows)
}

// Unreachable is what a client is told while the database cannot answer.
const Unreachable = "The service cannot store or read messages right now, please try again in a moment"

// Translate gives err the code a client should see: a database that is down, busy, read-only,
// full or too slow is 503 (retry with the same key); everything else stays as it is. Facts a
// caller can decide on (duplicate, not found) are left for IsDuplicate and IsNotFound.
func Translate(err error) error {
	if err == nil || !unavailable(err) {
		return err
	}
	var known *apperr.Error
	if errors.As(err, &known) {
		return err
	}
	return apperr.Wrap(apperr.Unavailable, Unreachable, err)
}

func unavailable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if pg.Code == "0A000" && strings.Contains(pg.Message, "cached plan") {
			return true // a newer node has changed the table; the next try reads what it is like now
		}
		// https://www.postgresql.org/docs/15/errcodes-appendix.html
		switch {
		case strings.HasPrefix(pg.Code, "08"), // connection exception
			strings.HasPrefix(pg.Code, "53"), // insufficient resources: disk full, too many connections
			strings.HasPrefix(pg.Code, "57"), // operator intervention: shutdown, cancelled, timeout
			strings.HasPrefix(pg.Code, "58"), // system error: I/O
			strings.HasPrefix(pg.Code, "40"), // serialization failure, deadlock: rolled back, may be retried
			pg.Code == "25006",               // read-only transaction: a failed-over primary
			pg.Code == "55P03":               // lock not available
			return true
		}
		return false
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqliteBusy, sqliteLocked, sqliteReadOnly, sqliteIOErr, sqliteFull, sqliteCantOpen:
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
