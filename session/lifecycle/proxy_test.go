package lifecycle_test

import (
	"database/sql"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"regexp"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// message is one message of a database's wire protocol.
type message struct {
	client bool // it is from the client to the server
	bytes  []byte
}

// verdict on a message.
type verdict int

const (
	pass  verdict = iota
	cut           // it does not arrive, and its connection is gone
	black         // as cut, for all connections, and there will be no others until the proxy is told otherwise
)

// proxy stands between a manager and its database's server and can cut connections before any message.
type proxy struct {
	listener net.Listener
	server   string // address
	mysql    bool   // the protocol
	group    sync.WaitGroup

	mu    sync.Mutex
	judge func(message) verdict
	dark  bool
	links map[*link]bool
}

// link is one connection through the proxy.
type link struct {
	client, server *net.TCPConn
	cut            bool
}

var serverAddress = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// newProxiedWorld is a world whose manager is connected through a proxy; the judge's own pool is not.
func newProxiedWorld(t *testing.T, with setup) (*world, *proxy) {
	t.Helper()
	var p *proxy
	with.open = func(driver, dsn string) (*sql.DB, error) {
		p = newProxy(t, driver == "mysql", serverAddress.FindString(dsn))
		return openQuietly(driver, serverAddress.ReplaceAllString(dsn, p.listener.Addr().String()))
	}
	with.options.Logger = slog.New(slog.DiscardHandler)
	return newWorld(t, with), p
}

// openQuietly is sql.Open without what MySQL's driver prints of connections that break.
func openQuietly(driver, dsn string) (*sql.DB, error) {
	if driver != "mysql" {
		return sql.Open(driver, dsn)
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func newProxy(t *testing.T, mysql bool, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: listener, server: server, mysql: mysql, links: map[*link]bool{}}
	p.group.Go(p.accept)
	t.Cleanup(func() {
		must(t, listener.Close())
		p.mu.Lock()
		for l := range p.links {
			l.end()
		}
		p.dark = true
		p.mu.Unlock()
		p.group.Wait()
	})
	return p
}

// watch has each message judged from now on; nil lets everything pass, and lets connections in again.
func (p *proxy) watch(judge func(message) verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judge, p.dark = judge, false
}

// alive counts connections that were not cut.
func (p *proxy) alive() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if !l.cut {
			n++
		}
	}
	return n
}

// wait returns when the server has ended every connection that was cut, and its transaction: nothing that was sent is under
// way any more.
func (p *proxy) wait(t testing.TB, w *world) {
	t.Helper()
	query := "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_schema() AND pid <> pg_backend_pid()"
	if p.mysql {
		query = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
	}
	for w.number(t, query) > p.alive()+w.raw.Stats().OpenConnections-1 {
		must(t, t.Context().Err())
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.group.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

func (p *proxy) serve(client *net.TCPConn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server.(*net.TCPConn)}
	p.mu.Lock()
	p.links[l] = true
	if p.dark {
		l.end()
	}
	p.mu.Unlock()
	p.group.Go(func() { p.pump(l, true) })
	p.pump(l, false)
	_, _ = io.Copy(io.Discard, l.server) // until the server has noticed
	_ = l.server.Close()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// end closes the client's side and tells the server, which closes the other when it has done what it received. The proxy is
// locked.
func (l *link) end() {
	l.cut = true
	_ = l.client.Close()
	_ = l.server.CloseWrite()
}

// pump carries messages in one direction.
func (p *proxy) pump(l *link, client bool) {
	from, to := l.server, l.client
	if client {
		from, to = l.client, l.server
	}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		l.end()
	}()
	for first := true; ; first = false {
		bytes, err := p.read(from, first && client && !p.mysql)
		if err != nil || !p.passes(l, message{client, bytes}) {
			return
		}
		if _, err := to.Write(bytes); err != nil {
			return
		}
	}
}

// read reads one message. PostgreSQL: a type, which the first of a client has not, and four bytes of length with
// themselves. MySQL: three bytes of length without the header, and a number.
func (p *proxy) read(from io.Reader, untyped bool) ([]byte, error) {
	size := 5
	if p.mysql || untyped {
		size = 4
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(header[size-4:])) - 4
	if p.mysql {
		length = int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	}
	bytes := append(header, make([]byte, length)...)
	_, err := io.ReadFull(from, bytes[size:])
	return bytes, err
}

// passes asks the judge.
func (p *proxy) passes(l *link, m message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.cut {
		return false
	}
	if p.judge == nil {
		return true
	}
	switch p.judge(m) {
	case pass:
		return true
	case black:
		p.dark = true
		for other := range p.links {
			other.end()
		}
	case cut:
		l.end()
	}
	return false
}
