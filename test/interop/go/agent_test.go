package interop

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"os"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "dstack-node.test/interop/gen/dstack/guestagent/v1"
	"dstack-node.test/interop/gen/dstack/guestagent/v1/guestagentv1connect"
	health "dstack-node.test/interop/gen/grpc/health/v1"
	"dstack-node.test/interop/gen/grpc/health/v1/healthv1connect"
)

const (
	reportDataAt = 568
	unixURL      = "http://localhost"
)

func TestGuestAgent(t *testing.T) {
	s := loadSystem(t)
	for _, w := range wires {
		agent := guestagentv1connect.NewGuestAgentClient(unixClient(t, s.AgentSocket, w.http2), unixURL, w.options...)
		check(t, w.name+" GuestAgent.Version and Info", func(t *testing.T) { describesItself(t, agent, s) })
		check(t, w.name+" GuestAgent.GetKey: the key all clients agree on", func(t *testing.T) { givesKey(t, agent, s) })
		check(t, w.name+" GuestAgent.GetKey: an unknown algorithm is INVALID_ARGUMENT", func(t *testing.T) {
			_, err := agent.GetKey(context.Background(), connect.NewRequest(&pb.GetKeyArgs{Algorithm: "rsa"}))
			refusedWith(t, err, connect.CodeInvalidArgument, "INVALID_ARGUMENT")
		})
		check(t, w.name+" GuestAgent.GetQuote: the challenge is in the quote", func(t *testing.T) { quotes(t, agent) })
		check(t, w.name+" GuestAgent.Sign and Verify", func(t *testing.T) { signs(t, agent) })
	}
	grpc := connect.WithGRPC()
	agent := guestagentv1connect.NewGuestAgentClient(unixClient(t, s.AgentSocket, true), unixURL, grpc)
	check(t, "gRPC GuestAgent.GetTlsKey: key and chain up to the CA of the KMS", func(t *testing.T) { certifies(t, agent, s) })
	check(t, "gRPC health of GuestAgent", func(t *testing.T) {
		client := healthv1connect.NewHealthClient(unixClient(t, s.AgentSocket, true), unixURL, grpc)
		answer, err := client.Check(context.Background(), connect.NewRequest(&health.HealthCheckRequest{Service: guestagentv1connect.GuestAgentName}))
		must(t, err)
		equal(t, answer.Msg.Status, health.HealthCheckResponse_SERVING)
	})
}

func describesItself(t *testing.T, agent guestagentv1connect.GuestAgentClient, s system) {
	version, err := agent.Version(context.Background(), connect.NewRequest(&emptypb.Empty{}))
	must(t, err)
	if version.Msg.Version == "" {
		t.Fatal("no version")
	}
	info, err := agent.Info(context.Background(), connect.NewRequest(&emptypb.Empty{}))
	must(t, err)
	equal(t, hex.EncodeToString(info.Msg.AppId), s.AppID)
}

func givesKey(t *testing.T, agent guestagentv1connect.GuestAgentClient, s system) {
	for _, args := range []*pb.GetKeyArgs{{Path: s.KeyName}, {Name: s.KeyName}, {Path: s.KeyName, Algorithm: "ed25519"}} {
		answer, err := agent.GetKey(context.Background(), connect.NewRequest(args))
		must(t, err)
		equal(t, hex.EncodeToString(answer.Msg.Key), s.ExpectedKey)
		equal(t, len(answer.Msg.SignatureChain), 2)
	}
}

func quotes(t *testing.T, agent guestagentv1connect.GuestAgentClient) {
	challenge := make([]byte, 64)
	_, _ = rand.Read(challenge)
	answer, err := agent.GetQuote(context.Background(), connect.NewRequest(&pb.RawQuoteArgs{ReportData: challenge}))
	must(t, err)
	if !bytes.Equal(answer.Msg.Quote[reportDataAt:reportDataAt+64], challenge) {
		t.Fatal("the challenge is not in the quote")
	}
}

func signs(t *testing.T, agent guestagentv1connect.GuestAgentClient) {
	message := []byte("interop message")
	digest := sha256.Sum256(message)
	for algorithm, data := range map[string][]byte{"ed25519": message, "secp256k1": message, "secp256k1_prehashed": digest[:]} {
		signed, err := agent.Sign(context.Background(), connect.NewRequest(&pb.SignRequest{Algorithm: algorithm, Data: data}))
		must(t, err)
		if algorithm == "ed25519" && !ed25519.Verify(signed.Msg.PublicKey, data, signed.Msg.Signature) {
			t.Fatal("the signature does not hold")
		}
		for _, want := range []bool{true, false} {
			request := &pb.VerifyRequest{Algorithm: algorithm, Data: bytes.Clone(data), Signature: signed.Msg.Signature, PublicKey: signed.Msg.PublicKey}
			if !want {
				request.Data[0] ^= 1
			}
			verdict, err := agent.Verify(context.Background(), connect.NewRequest(request))
			must(t, err)
			equal(t, verdict.Msg.Valid, want)
		}
	}
}

func certifies(t *testing.T, agent guestagentv1connect.GuestAgentClient, s system) {
	args := &pb.GetTlsKeyArgs{Subject: "interop", AltNames: []string{"interop.example"}, UsageServerAuth: true, UsageRaTls: true}
	answer, err := agent.GetTlsKey(context.Background(), connect.NewRequest(args))
	must(t, err)
	var chain []byte
	for _, certificate := range answer.Msg.CertificateChain {
		chain = append(append(chain, certificate...), '\n')
	}
	// Fails unless the key is the leaf's.
	certificate, err := tls.X509KeyPair(chain, []byte(answer.Msg.Key))
	must(t, err)
	ca, err := os.ReadFile(s.KmsCa)
	must(t, err)
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	intermediates.AppendCertsFromPEM(chain)
	_, err = certificate.Leaf.Verify(x509.VerifyOptions{DNSName: "interop.example", Roots: roots, Intermediates: intermediates})
	must(t, err)
}
