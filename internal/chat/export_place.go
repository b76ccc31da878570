package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

// beforeChat stands before the line of the chat itself.
const beforeChat = -1

// exportPlace is a line of an export: a message, or with seq 0 the line of a chat. The zero place is
// the beginning of the file.
type exportPlace struct {
	chatID   string
	seq      int64
	messages int64 // in the file up to and with this line
}

// text is how a place travels. Whoever may export may read every chat, so there is nothing to gain
// by making one up; the checksum keeps a damaged place, or that of another person's export, from
// quietly giving a wrong file.
func (p exportPlace) text(u models.UserRef) string {
	plain := fmt.Sprintf("%s.%d.%d", p.chatID, p.seq, p.messages)
	sum := sha256.Sum256([]byte("export place\x00" + u.String() + "\x00" + plain))
	return plain + "." + hex.EncodeToString(sum[:8])
}

func errExportPlace() error {
	return invalid("after is not a place in the export of this person: give the place of the last whole line you have, or leave it out to begin again")
}

// exportPlace reads what text wrote for the same person; "" is the beginning. Errors: Invalid for
// anything else, and for a place that does not exist.
func (s *Service) exportPlace(ctx context.Context, u models.UserRef, after string) (exportPlace, error) {
	if after == "" {
		return exportPlace{}, nil
	}
	parts := strings.Split(after, ".")
	if len(parts) != 4 {
		return exportPlace{}, errExportPlace()
	}
	id, ok := parseID(parts[0])
	seq, err := strconv.ParseInt(parts[1], 10, 64)
	messages, err2 := strconv.ParseInt(parts[2], 10, 64)
	p := exportPlace{id, seq, messages}
	if !ok || err != nil || err2 != nil || seq < 0 || messages < seq || p.text(u) != after {
		return exportPlace{}, errExportPlace()
	}
	c, err := s.store.chat(ctx, id)
	if err != nil && !apperr.Is(err, apperr.NotFound) {
		return exportPlace{}, err
	}
	theirs, readErr := s.store.everIn(ctx, u, id)
	if readErr != nil {
		return exportPlace{}, readErr
	}
	if err != nil || !theirs || seq > c.LastSeq {
		return exportPlace{}, errExportPlace()
	}
	return p, nil
}
