package security

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"chaffer/internal/realtime/siotest"
)

var inputRows = []attack{
	{number: "T61", name: "payloads that are no object", run: func(s *site) string {
		c := s.join(john)
		for _, payload := range []string{"null", "[]", `"text"`, "1", "true"} {
			s.wantAck(400, c, "sendMessage", payload)
		}
		s.wantAck(400, c, "sendMessage", `{},{},{}`)
		c.Raw(`42/chat,7000["sendMessage"]`) // none at all
		if b, err := c.TryAck("/chat", 7000, siotest.Timeout); err != nil || !strings.Contains(string(b), `"statusCode":400`) {
			s.Errorf("no payload: %s, %v", b, err)
		}
		return "400"
	}},
	{number: "T62", name: "deep and wide JSON", run: func(s *site) string {
		for _, depth := range []int{17, 9000, 30000} {
			c := s.join(john)
			c.Raw(`42/chat,0["sendMessage",` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `]`)
			if b, err := c.TryAck("/chat", 0, siotest.Timeout); err == nil && !strings.Contains(string(b), `"statusCode":400`) {
				s.Errorf("depth %d: %s", depth, b)
			}
			c.Close()
			s.want(400, john, "POST", "/api/v1/chats/messages", strings.Repeat("[", depth)+strings.Repeat("]", depth))
		}
		var keys []string
		for i := range 65 {
			keys = append(keys, fmt.Sprintf(`"k%d":1`, i))
		}
		s.want(400, john, "POST", "/api/v1/chats/messages", "{"+strings.Join(keys, ",")+"}")
		c := s.join(john)
		c.Raw(`42/chat,["sendMessage",{` + strings.Join(keys, ",") + `}]`)
		c.ExpectClosed(siotest.Timeout)
		for _, body := range []string{strings.Repeat("[", 100_000), strings.Repeat("[", 1<<20)} {
			s.want(413, john, "POST", "/api/v1/chats/messages", body)
			c := s.join(john)
			c.Raw(`42/chat,["sendMessage",` + body)
			c.ExpectClosed(siotest.Timeout)
		}
		return "400 or closed; 100,000 deep and 1 MB of brackets: closed, REST 413"
	}},
	{number: "T63", name: "keys with a meaning elsewhere", writes: true, run: func(s *site) string {
		c := s.join(john)
		r := s.wantAck(201, c, "sendMessage", `{"productId":"t63","recipientId":2,"text":"x","__proto__":{"a":1},"constructor":1,"$where":"1","a.b":1}`)
		for _, key := range []string{"__proto__", "constructor", "$where", "a.b"} {
			if strings.Contains(string(r.Data), key) {
				s.Errorf("%s comes back", key)
			}
			s.want(400, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t63","recipientId":2,"text":"x",%q:1}`, key))
		}
		return "never echoed; REST 400"
	}},
	{number: "T64", name: "numbers that are not ids", writes: true, run: func(s *site) string {
		c := s.join(john)
		before := s.rows()
		for _, id := range []string{"1e400", "-0", "-2", "2.5", "true", "null", `""`, "[2]", `{"id":2}`, "9007199254740993", "1e2", "2.0", "2e0", "0", `"0"`, `"-2"`, `"2.0"`, `"+2"`} {
			s.wantAck(400, c, "sendMessage", `{"productId":"t64","recipientId":`+id+`,"text":"x"}`)
			s.want(400, john, "POST", "/api/v1/chats/messages", `{"productId":"t64","recipientId":`+id+`,"text":"x"}`)
		}
		s.want(400, john, "POST", "/api/v1/chats/messages", `{"productId":"t64","recipientId":0x2,"text":"x"}`) // no JSON
		if after := s.rows(); after != before {
			s.Errorf("rows: %s, then %s", before, after)
		}
		c = s.join(john)
		var chats []string
		for _, id := range []string{"2", `"2"`} {
			r := s.wantAck(201, c, "sendMessage", `{"productId":"t64","recipientId":`+id+`,"text":"x"}`)
			var m struct{ ChatID string }
			_ = json.Unmarshal(r.Data, &m)
			chats = append(chats, m.ChatID)
		}
		if len(slices.Compact(chats)) != 1 {
			s.Errorf("one id, several chats: %v", chats)
		}
		return "400, also 0, 1e2 and 2.0, which no token could name; 2 and \"2\" are one person"
	}},
	{number: "T65", name: "texts that are empty or too long", run: func(s *site) string {
		c := s.join(john)
		for name, text := range map[string]string{
			"empty": "", "spaces": "   \n\t", "zero width": "\u200b\u200d\ufeff", "4,001 characters": strings.Repeat("a", 4001), "16 KB of runes": strings.Repeat("😀", 4097),
			"controls": "\x00\x01\x02",
		} {
			b, _ := json.Marshal(text)
			if r := s.ask(c, "sendMessage", `{"productId":"t65","recipientId":2,"text":`+string(b)+`}`); r.StatusCode != 400 {
				s.Errorf("%s: %d", name, r.StatusCode)
			}
			s.want(400, john, "POST", "/api/v1/chats/messages", `{"productId":"t65","recipientId":2,"text":`+string(b)+`}`)
		}
		return "400"
	}},
	{number: "T66", name: "NUL, controls, escapes, overrides, broken UTF-16", writes: true, run: func(s *site) string {
		c := s.join(john)
		r := s.wantAck(201, c, "sendMessage", `{"productId":"t66","recipientId":2,"text":"a\u0000b\u001b[31mc\r\nd\u202ee\ud800f","storeName":"x\u0000\ny\u202e"}`)
		var m struct{ Text string }
		if json.Unmarshal(r.Data, &m); m.Text != "ab[31mc\nde\ufffdf" {
			s.Errorf("stored as %q", m.Text)
		}
		a := s.want(200, haven, "GET", "/api/v1/chats/by-product/t66/2/2", "")
		if a.field("data.storeName") != "x y" {
			s.Errorf("the name is %q", a.field("data.storeName"))
		}
		return "stripped; a lone surrogate is U+FFFD; the same on both databases"
	}},
	{number: "T67", name: "overrides, towers of accents, look-alike spellings", writes: true, run: func(s *site) string {
		c := s.join(john)
		tower := strings.Repeat("\u0335", 500)
		text, _ := json.Marshal("a\u202eb\u202ac\u2066d\u2069e Z" + tower + "o")
		name, _ := json.Marshal("\uff34\uff45\uff43\uff48\u202e \ufb01x\u200b\u2066 Z" + tower + "o")
		r := s.wantAck(201, c, "sendMessage", fmt.Sprintf(`{"productId":"t67","recipientId":2,"text":%s,"storeName":%s,"productName":%s}`, text, name, name))
		var m struct{ Text string }
		if json.Unmarshal(r.Data, &m); m.Text != "abcde Z"+tower[:8*len("\u0335")]+"o" {
			s.Errorf("the text is %q", m.Text)
		}
		a := s.want(200, haven, "GET", "/api/v1/chats/by-product/t67/2/2", "")
		for _, field := range []string{"data.storeName", "data.productName"} {
			if got := a.field(field); got != "Tech fix Z"+tower[:8*len("\u0335")]+"o" {
				s.Errorf("%s is %q", field, got)
			}
		}
		for _, address := range []string{"https://x.example/\u202egpj.exe", "https://x.example/a\u2066b", "https://x.example/\u200bc"} {
			b, _ := json.Marshal(address)
			s.wantAck(400, c, "sendMessage", `{"productId":"t67b","recipientId":2,"text":"x","productImageUrl":`+string(b)+`}`)
		}
		return "stripped from texts and names, refused in addresses; at most eight marks on a letter; names in one spelling (NFKC)"
	}},
	{number: "T68", name: "markup in texts and names", rest: true, writes: true, run: func(s *site) string {
		for i, markup := range []string{"<script>alert(1)</script>", `<img src=x onerror=alert(1)>`, `"><svg/onload=alert(1)>`, "javascript:alert(1)", "&lt;b&gt;"} {
			b, _ := json.Marshal(markup)
			a := s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t68-%d","recipientId":2,"text":%s,"productName":%s}`, i, b, b))
			if a.field("data.text") != markup || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.header.Get("X-Content-Type-Options") != "nosniff" {
				s.Errorf("%s: %v %s", markup, a.header, a.body)
			}
		}
		for _, page := range []string{"/vendor", "/admin", "/docs"} {
			a := s.want(200, nobody, "GET", page, "")
			if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") && !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src 'unsafe-inline'") || a.header.Get("X-Frame-Options") != "DENY" {
				s.Errorf("%s: %q", page, csp)
			}
		}
		return "kept as it is, sent as JSON with nosniff; pages have a policy"
	}},
	{number: "T69", name: "lines for the log", rest: true, writes: true, run: func(s *site) string {
		forged := "x\nlevel=ERROR msg=forged-canary"
		b, _ := json.Marshal(forged)
		s.want(201, john, "POST", "/api/v1/chats/messages", `{"productId":"t69","recipientId":2,"text":`+string(b)+`}`)
		s.rest(nobody, "GET", "/api/v1/chats", "", "User-Agent", "a\tlevel=ERROR", "Origin", "https://forged-canary.example")
		for _, line := range strings.Split(s.journal.String(), "\n") {
			if strings.HasPrefix(line, "level=ERROR msg=forged") {
				s.Errorf("forged: %s", line)
			}
		}
		return "one escaped line; texts are not logged at all"
	}},
	{number: "T70", name: "addresses that are none", rest: true, run: func(s *site) string {
		for _, address := range []string{"javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example/x", "https://user:pw@x.example/", "java\tscript:x", "https://x.example/" + strings.Repeat("a", 2040), "https://", "x"} {
			b, _ := json.Marshal(address)
			for _, field := range []string{"productImageUrl", "storeLogoUrl", "customerProfilePic"} {
				s.want(400, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t70","recipientId":2,"text":"x",%q:%s}`, field, b))
			}
		}
		return "400 in every field"
	}},
	{number: "T71", name: "addresses of the inside", rest: true, writes: true, run: func(s *site) string {
		address, visits := s.trap()
		_, port, _ := net.SplitHostPort(address)
		for i, host := range []string{address, "localhost:" + port, "2130706433:" + port, "0x7f.1:" + port, "[::ffff:127.0.0.1]:" + port} {
			for j, field := range []string{"productImageUrl", "storeLogoUrl", "customerProfilePic"} {
				a := s.rest(john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t71-%d-%d","recipientId":2,"text":"http://%s/",%q:"http://%s/x.png"}`, i, j, host, field, host))
				if a.status != 201 && a.status != 400 {
					s.Errorf("%s: %d %s", host, a.status, a.body)
				}
			}
		}
		s.want(200, haven, "GET", "/api/v1/chats", "")
		if n := visits(); n != 0 {
			s.Errorf("%d connections", n)
		}
		return "no connection is ever made"
	}},
	{number: "T72", name: "SQL in every text", writes: true, run: func(s *site) string {
		c := s.join(john)
		s.open("t72", "canary-of-john")
		for i, sql := range []string{"' OR 1=1--", "1=1", "1) OR 1=1--", "'; DROP TABLE chats;--", "\\' OR 1=1", "00000000-0000-7000-8000-000000000001' OR '1'='1"} {
			b, _ := json.Marshal(sql)
			before := s.rows()
			for _, event := range []string{"joinChat", "getMessages", "markAsRead", "typing", "stoppedTyping", "messagesDelivered", "deleteMessage", "reportMessage"} {
				s.wantAck(404, c, event, `{"chatId":`+string(b)+`,"messageId":`+string(b)+`,"upToSeq":1,"reason":"spam"}`)
			}
			s.wantAck(404, c, "sendMessage", `{"chatId":`+string(b)+`,"text":"x"}`)
			s.wantAck(400, c, "getUserChats", `{"cursor":`+string(b)+`}`)
			s.wantAck(404, c, "resume", `{"positions":{`+string(b)+`:{"seq":0}}}`)
			s.wantAck(400, c, "sendMessage", `{"productId":"t72","recipientId":2,"text":"x","clientMessageId":`+string(b)+`}`)
			for _, path := range []string{"/api/v1/chats/" + url.PathEscape(sql), "/api/v1/chats/" + url.PathEscape(sql) + "/messages", "/api/v1/chats/by-product/" + url.PathEscape(sql) + "/2/2"} {
				s.want(404, john, "GET", path, "")
			}
			found := s.rest(root, "GET", "/api/v1/admin/chats?q="+url.QueryEscape(sql)+"&productId="+url.QueryEscape(sql), "")
			if found.status >= 500 || contains(string(found.body), "canary-of-john") {
				s.Errorf("%s finds %d %s", sql, found.status, found.body)
			}
			if after := s.rows(); after != before {
				s.Errorf("%s: rows: %s, then %s", sql, before, after)
			}
			// As the name of a product and as a text it is kept as it is, or refused.
			product, _ := json.Marshal(fmt.Sprintf("%s %d", sql, i))
			if r := s.ask(c, "sendMessage", `{"productId":`+string(product)+`,"recipientId":2,"text":`+string(b)+`}`); r.StatusCode == 201 {
				var m struct{ Text string }
				if _ = json.Unmarshal(r.Data, &m); m.Text != sql {
					s.Errorf("%s is kept as %q", sql, m.Text)
				}
			} else if r.StatusCode != 400 {
				s.Errorf("%s: %d %s", sql, r.StatusCode, r.Message)
			}
		}
		return "404 or 400: an id is parsed before it reaches a query; as a text it is a text"
	}},
	{number: "T73", name: "WebSocket frames that cannot be", frames: true, run: func(s *site) string {
		masked := func(first byte, payload string) string { // with a key of zeros
			return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
		}
		for name, frame := range map[string]string{
			"RSV1": masked(0xC1, "40"), "RSV2": masked(0xA1, "40"), "RSV3": masked(0x91, "40"), "opcode 3": masked(0x83, "40"), "opcode 11": masked(0x8B, "40"),
			"unmasked": "\x81\x0240", "bad UTF-8": masked(0x81, "42\xff\xfe"), "continuation first": masked(0x80, "40"),
			"a fragmented ping": masked(0x09, "x"), "two beginnings": masked(0x01, "4") + masked(0x01, "0"), "a ping of 126 bytes": "\x89\xfe\x00\x7e\x00\x00\x00\x00" + strings.Repeat("x", 126),
			"a close of one byte": masked(0x88, "x"), "a length of 2^63": "\x81\xff" + strings.Repeat("\xff", 8) + "\x00\x00\x00\x00",
		} {
			if !s.closes(frame) {
				s.Errorf("%s: not closed", name)
			}
		}
		s.closes(strings.Repeat(masked(0x89, "x"), 10_000) + masked(0x80, "40")) // nobody is kept from anything by them
		s.join(john)
		return "13 kinds of frames: closed; 10,000 pings hurt nobody"
	}},
	{number: "T74", name: "wildcards in the search", rest: true, writes: true, run: func(s *site) string {
		s.open("t74", "one hundred %_ percent")
		if a := s.want(200, root, "GET", "/api/v1/admin/chats?q=%25_%20percent", ""); !strings.Contains(string(a.body), "t74") {
			s.Errorf("the literal is not found: %s", a.body)
		}
		if a := s.want(200, root, "GET", "/api/v1/admin/chats?q=h%25d", ""); strings.Contains(string(a.body), "t74") {
			s.Errorf("%% is a wildcard: %s", a.body)
		}
		s.want(400, root, "GET", "/api/v1/admin/chats?q="+strings.Repeat("a", 101), "")
		return "literal; over 100 characters 400"
	}},
	{number: "T75", name: "pages that cannot be", run: func(s *site) string {
		c := s.join(john)
		for _, limit := range []string{"-1", "1.5", `"x"`, "true"} {
			s.wantAck(400, c, "getUserChats", `{"limit":`+limit+`}`)
		}
		s.wantAck(200, c, "getUserChats", `{"limit":1000000000}`)
		for _, cursor := range []string{"x", "AAAA", "..", strings.Repeat("A", 5000)} {
			s.wantAck(400, c, "getUserChats", fmt.Sprintf(`{"cursor":%q}`, cursor))
			s.want(400, john, "GET", "/api/v1/chats?cursor="+cursor, "")
		}
		s.want(400, john, "GET", "/api/v1/chats?limit=NaN", "")
		return "400, or cut to 100"
	}},
	{number: "T77", name: "formulas in a transcript", rest: true, writes: true, run: func(s *site) string {
		chatID, _ := s.open("t77", `=HYPERLINK("http://evil","x")`)
		a := s.want(200, root, "GET", "/api/v1/admin/chats/"+chatID+"/transcript?format=csv", "")
		if !strings.Contains(string(a.body), `'=HYPERLINK`) || strings.ContainsAny(a.header.Get("Content-Disposition"), "\r\n") {
			s.Errorf("%v %s", a.header, a.body)
		}
		return "prefixed with an apostrophe"
	}},
	{number: "T78", name: "headers by way of a name", writes: true, rest: true, run: func(s *site) string {
		evil, _ := json.Marshal("x\"; filename=\"evil.exe\"\r\nX-Evil: 1\u2028é")
		sent := s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t78\"\\;","recipientId":2,"text":%s,"productName":%s,"storeName":%s}`, evil, evil, evil))
		chat := fmt.Sprint("/api/v1/admin/chats/", sent.field("data.chatId"), "/transcript?format=")
		picture := s.upload(john, picture())
		address, _ := picture.field("data.imageUrl").(string)
		for path, want := range map[string]string{
			chat + "csv": "attachment", chat + "text": "attachment", chat + "json": "attachment",
			"/api/v1/admin/users/customer/2/export": "attachment", address[strings.Index(address, "/media/"):]: "inline",
		} {
			a := s.want(200, root, "GET", path, "")
			all := a.header.Values("Content-Disposition")
			if len(all) != 1 || a.header.Get("X-Evil") != "" {
				s.Errorf("%s: %v", path, a.header)
				continue
			}
			kind, parameters, err := mime.ParseMediaType(all[0])
			if err != nil || kind != want || kind == "attachment" && !fileName.MatchString(parameters["filename"]) || strings.Contains(all[0], "evil") {
				s.Errorf("%s: %q (%v)", path, all[0], err)
			}
		}
		return "five downloads: one Content-Disposition each, by RFC 6266, with a file name of ours and nothing of anybody's"
	}},
	{number: "T92", name: "errors that tell too much", rest: true, run: func(s *site) string {
		for _, path := range []string{"/api/v1/chats/%00", "/api/v1/chats/%ff", "/api/v1/chats/..%2f..%2f", "/api/v1/admin/users/customer/%00", "/api/v1/nothing", "/%c0%af"} {
			if a := s.rest(root, "GET", path, ""); a.status >= 500 || a.status < 400 {
				s.Errorf("%s: %d", path, a.status)
			} else {
				s.clean(a.body)
			}
		}
		return "4xx with a sentence of ours"
	}},
}

// trap listens where nobody has any business; visits ends that and says how many came.
func (s *site) trap() (address string, visits func() int64) {
	s.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	var came atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			_ = c.Close()
		}
	}()
	return ln.Addr().String(), func() int64 {
		_ = ln.Close()
		<-done
		return came.Load()
	}
}

// byHand opens a WebSocket whose frames are written as they are; the caller closes it.
func (s *site) byHand() net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(siotest.Timeout))
	_, _ = io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	b := make([]byte, 4096)
	if n, err := conn.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 101") {
		s.Fatalf("no WebSocket: %.100q, %v", b[:n], err)
	}
	return conn
}

// closes sends bytes over a WebSocket and reports whether the server closes the connection.
func (s *site) closes(frames string) bool {
	s.Helper()
	conn := s.byHand()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second)) // before it would be closed for doing nothing
	go func() { _, _ = io.WriteString(conn, frames) }()
	_, err := io.Copy(io.Discard, conn)
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// fileName is what a download of ours may be called.
var fileName = regexp.MustCompile(`^(chat-[0-9a-f-]{36}\.(csv|txt|json)|export\.ndjson)$`)
