// Package interop runs Connect clients generated for Go against a running system.
package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"connectrpc.com/connect"
)

type pair struct{ Cert, Key string }

// system is what the file named by INTEROP_SYSTEM says (test/interop/README.md).
type system struct {
	AgentSocket      string
	KmsURL           string `json:"kmsUrl"`
	KmsCa            string
	AppID            string `json:"appId"`
	PolicyFile       string
	KeyName          string
	ExpectedKey      string
	KmsRootPublicKey string
	Clients          map[string]pair
}

func loadSystem(t *testing.T) system {
	t.Helper()
	content, err := os.ReadFile(os.Getenv("INTEROP_SYSTEM"))
	must(t, err)
	var found system
	must(t, json.Unmarshal(content, &found))
	return found
}

// check runs one named check and reports it on a line of its own; the first that fails ends the client.
func check(t *testing.T, name string, run func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, run) {
		fmt.Printf("not ok - %s\n", name)
		t.FailNow()
	}
	fmt.Printf("ok - %s\n", name)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// wire is one of the protocols a generated client can speak.
type wire struct {
	name    string
	http2   bool
	options []connect.ClientOption
}

var wires = []wire{
	{"Connect binary", false, nil},
	{"Connect JSON", false, []connect.ClientOption{connect.WithProtoJSON()}},
	{"Connect binary over HTTP/2", true, nil},
	{"Connect JSON over HTTP/2", true, []connect.ClientOption{connect.WithProtoJSON()}},
	{"Connect binary compressed", true, []connect.ClientOption{connect.WithSendGzip()}},
	{"gRPC", true, []connect.ClientOption{connect.WithGRPC()}},
	{"gRPC JSON", true, []connect.ClientOption{connect.WithGRPC(), connect.WithProtoJSON()}},
	{"gRPC-Web", false, []connect.ClientOption{connect.WithGRPCWeb()}},
}

func protocols(http2, secure bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	p.SetHTTP2(http2 && secure)
	p.SetUnencryptedHTTP2(http2 && !secure)
	return p
}

// unixClient talks to a unix socket, by HTTP/2 with prior knowledge or by HTTP/1.1.
func unixClient(t *testing.T, path string, http2 bool) *http.Client {
	transport := &http.Transport{
		Protocols: protocols(http2, false),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// tlsClient trusts the CA of the KMS and shows the RA-TLS certificate of the named client, or none.
func tlsClient(t *testing.T, s system, name string, http2 bool) *http.Client {
	t.Helper()
	ca, err := os.ReadFile(s.KmsCa)
	must(t, err)
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate in %s", s.KmsCa)
	}
	if name != "" {
		certificate, err := tls.LoadX509KeyPair(s.Clients[name].Cert, s.Clients[name].Key)
		must(t, err)
		// The certificate is issued by a CA that the server need not have named.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	}
	transport := &http.Transport{Protocols: protocols(http2, true), TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}
