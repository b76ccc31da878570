package dialects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// Account is somebody who has signed up, followed the link and logged in.
type Account struct {
	ID, Name, Email, Access, Refresh string
}

const password = "correct horse battery"

// SignUp makes an account at the server of url, whose mail goes to the mailbox.
func SignUp(tb testing.TB, url string, m *Mailbox, name, email string) Account {
	tb.Helper()
	post(tb, url+"/signup", http.StatusCreated, map[string]string{"name": name, "email": email, "password": password}, nil)
	res, err := http.Get(url + m.Link(email))
	if err != nil {
		tb.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		tb.Fatalf("the link of %s is answered %s", email, res.Status)
	}
	var in struct{ UserID, UserName, AccessToken, RefreshToken string }
	post(tb, url+"/login", http.StatusOK, map[string]string{"email": email, "password": password}, &in)
	return Account{in.UserID, in.UserName, email, in.AccessToken, in.RefreshToken}
}

// Pair is what a socket of the account presents.
func (a Account) Pair() map[string]string {
	return map[string]string{"access_token": a.Access, "refresh_token": a.Refresh}
}

func post(tb testing.TB, url string, want int, body, into any) {
	tb.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := http.Post(url, "application/json", bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s, want %d: %s", res.Status, want, answer)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		tb.Fatalf("POST %s: %v", url, err)
	}
}
