package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of one password: 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
const (
	argonMemory = 19 * 1024 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonKey    = 32 // bytes
	argonSalt   = 16
)

// hashing bounds how many passwords are worked on at once: each takes 19 MiB.
var hashing = make(chan struct{}, 2)

func derive(password string, salt []byte) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
}

// hashPassword returns the usual text form: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func hashPassword(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails: the process would have ended
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		e.EncodeToString(salt), e.EncodeToString(derive(password, salt)))
}

// nobody's hash takes as long to compare with as anybody's.
var nobody = hashPassword("nobody has this password")

// samePassword compares in the time one hash takes, whatever the answer.
func samePassword(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(derive(password, salt), want) == 1
}
