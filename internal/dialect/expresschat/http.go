package expresschat

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"chaffer/internal/account"
	"chaffer/internal/apperr"
	"chaffer/internal/dialect"
	"chaffer/internal/httpjson"
)

// Answer is every REST answer; the tokens come with a log-in and a refresh.
type Answer struct {
	Success      bool   `json:"success"`
	Message      string `json:"message"`
	UserID       string `json:"userId,omitempty"`
	UserName     string `json:"userName,omitempty"`
	AccessToken  string `json:"accessToken,omitempty"`
	RefreshToken string `json:"refreshToken,omitempty"`
}

type credentials struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

type refreshRequest struct {
	RefreshToken string `json:"refreshToken"`
}

// Routes adds this contract's REST surface.
func (e *ExpressChat) Routes(r chi.Router) {
	r.Post("/signup", e.handle(e.signUp))
	r.Post("/login", e.handle(e.logIn))
	r.Get("/Verify", e.handle(e.verify))
	r.Post("/logout", e.handle(e.logOut))
	r.Post("/resend", e.handle(e.resend))
	r.Post("/refresh", e.handle(e.refresh))
}

func (e *ExpressChat) handle(h func(w http.ResponseWriter, r *http.Request) (int, Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		status, answer, err := h(w, r)
		if err == nil {
			answer.Success = true
			httpjson.Write(w, status, answer)
			return
		}
		p := apperr.Describe(err)
		if p.Status >= http.StatusInternalServerError {
			e.house.Log.ErrorContext(r.Context(), "A request failed", "path", r.URL.Path, "status", p.Status, "err", err)
		}
		httpjson.Write(w, p.Status, Answer{Message: p.Message})
	}
}

func address(r *http.Request) string { return middleware.GetClientIP(r.Context()) }

func (e *ExpressChat) signUp(w http.ResponseWriter, r *http.Request) (int, Answer, error) {
	var in credentials
	if err := httpjson.Decode(w, r, &in); err != nil {
		return 0, Answer{}, err
	}
	err := e.accounts.SignUp(r.Context(), address(r), in.Name, in.Email, in.Password)
	return http.StatusCreated, Answer{Message: "Look into your mailbox: a link there verifies your address."}, err
}

func (e *ExpressChat) verify(_ http.ResponseWriter, r *http.Request) (int, Answer, error) {
	return http.StatusOK, Answer{Message: "Your e-mail address is verified: log in."}, e.accounts.Verify(r.Context(), r.URL.Query().Get("token"))
}

func (e *ExpressChat) resend(w http.ResponseWriter, r *http.Request) (int, Answer, error) {
	var in credentials
	if err := httpjson.Decode(w, r, &in); err != nil {
		return 0, Answer{}, err
	}
	return http.StatusOK, Answer{Message: "If this address waits to be verified, a new link is on its way."}, e.accounts.Resend(r.Context(), address(r), in.Email)
}

func (e *ExpressChat) logIn(w http.ResponseWriter, r *http.Request) (int, Answer, error) {
	var in credentials
	if err := httpjson.Decode(w, r, &in); err != nil {
		return 0, Answer{}, err
	}
	p, err := e.accounts.LogIn(r.Context(), address(r), in.Email, in.Password)
	if err != nil {
		return 0, Answer{}, err
	}
	return http.StatusOK, e.give(w, p, "Logged in."), e.house.Profiles.Note(r.Context(), p.User, p.Name, "")
}

func (e *ExpressChat) refresh(w http.ResponseWriter, r *http.Request) (int, Answer, error) {
	p, err := e.accounts.Refresh(r.Context(), e.refreshToken(w, r))
	if err != nil {
		return 0, Answer{}, err
	}
	return http.StatusOK, e.give(w, p, "Here is a new pair."), nil
}

func (e *ExpressChat) logOut(w http.ResponseWriter, r *http.Request) (int, Answer, error) {
	err := e.accounts.LogOut(r.Context(), e.refreshToken(w, r))
	e.cookie(w, "access_token", "", -time.Second)
	e.cookie(w, "refresh_token", "", -time.Second)
	return http.StatusOK, Answer{Message: "Logged out."}, err
}

// refreshToken is in the body, else in the cookie.
func (e *ExpressChat) refreshToken(w http.ResponseWriter, r *http.Request) string {
	var in refreshRequest
	if r.ContentLength != 0 && httpjson.Decode(w, r, &in) == nil && in.RefreshToken != "" {
		return in.RefreshToken
	}
	if c, err := r.Cookie("refresh_token"); err == nil {
		return c.Value
	}
	return ""
}

func (e *ExpressChat) give(w http.ResponseWriter, p account.Pair, message string) Answer {
	e.cookie(w, "access_token", p.Access, account.AccessTTL)
	e.cookie(w, "refresh_token", p.Refresh, account.RefreshTTL)
	return Answer{Message: message, UserID: dialect.ID(p.User), UserName: p.Name, AccessToken: p.Access, RefreshToken: p.Refresh}
}

func (e *ExpressChat) cookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(lasts.Seconds()), HttpOnly: true, Secure: e.secure, SameSite: http.SameSiteLaxMode,
	})
}
