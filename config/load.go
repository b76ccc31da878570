package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// maxSecretFile bounds what KEY_FILE may point at: 64 KB.
const maxSecretFile = 64 << 10

// Mistakes is what is wrong with the settings, one sentence each.
type Mistakes []string

func (m Mistakes) Error() string {
	if len(m) == 1 {
		return m[0]
	}
	return fmt.Sprintf("%d settings are wrong:\n  - %s", len(m), strings.Join(m, "\n  - "))
}

// Load reads every setting through getenv (os.LookupEnv in the binary). An empty value counts as
// not set. A setting that holds a secret also comes from the file named by KEY_FILE.
// The error, when there is one, is Mistakes.
func Load(getenv func(string) (string, bool)) (Config, error) {
	var (
		cfg      Config
		mistakes Mistakes
		values   = map[string]string{}
		told     = map[string]bool{} // the keys that have their sentence already
	)
	for _, f := range fields() {
		v, err := read(getenv, f)
		if err != nil {
			told[f.key] = true
			mistakes = append(mistakes, err.Error()+".")
		} else if v != "" {
			values[f.key] = v
		}
	}
	err := env.ParseWithOptions(&cfg, env.Options{Environment: values, FuncMap: parsers})
	var all env.AggregateError
	switch {
	case err == nil:
	case !errors.As(err, &all):
		return Config{}, err
	default:
		for _, e := range all.Errors {
			var p env.ParseError
			if !errors.As(e, &p) {
				return Config{}, err
			}
			f := fieldNamed(p.Name)
			told[f.key] = true
			mistakes = append(mistakes, f.mistake(values[f.key]))
		}
	}
	cfg.fillIn()
	mistakes = append(mistakes, cfg.check(told)...)
	if v, _ := getenv("DEBUG"); v != "" && cfg.Production() {
		mistakes = append(mistakes, "DEBUG is set: expected it to be unset in production, because it makes the Socket.IO library print what travels, tokens included.")
	}
	if len(mistakes) > 0 {
		return Config{}, mistakes
	}
	return cfg, nil
}

// read returns the raw value of one setting, trimmed; "" when it is not set.
func read(getenv func(string) (string, bool), f field) (string, error) {
	value, _ := getenv(f.key)
	value = strings.TrimSpace(value)
	if f.secret == "" {
		return value, nil
	}
	path, _ := getenv(f.key + "_FILE")
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s and %s_FILE are both set: expected one of them", f.key, f.key)
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s_FILE names a file of %d bytes: expected at most %d", f.key, info.Size(), maxSecretFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE is %q, which cannot be read: expected the path of a file that this process may read, for example %s_FILE=/run/secrets/%s",
			f.key, path, f.key, strings.ToLower(f.key))
	}
	value = strings.TrimSpace(string(b))
	if value == "" {
		return "", fmt.Errorf("%s_FILE is %q, which is empty: expected %s in it", f.key, path, f.want)
	}
	return value, nil
}

// parsers read the shapes that the env library would take too literally: blanks around
// commas, a bare address where a network is meant.
var parsers = map[reflect.Type]env.ParserFunc{
	reflect.TypeFor[[]string](): func(v string) (any, error) { return list(v), nil },
	reflect.TypeFor[[]netip.Prefix](): func(v string) (any, error) {
		var out []netip.Prefix
		for _, s := range list(v) {
			p, err := prefix(s)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	},
	reflect.TypeFor[map[string]string](): func(v string) (any, error) {
		out := map[string]string{}
		for _, s := range list(v) {
			from, to, ok := strings.Cut(s, ":")
			if !ok {
				return nil, errors.New("no colon")
			}
			out[strings.ToLower(strings.TrimSpace(from))] = strings.ToLower(strings.TrimSpace(to))
		}
		return out, nil
	},
}

func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func list(v string) []string {
	var out []string
	for _, s := range strings.Split(v, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
