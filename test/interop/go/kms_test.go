package interop

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	errorsv1 "dstack-node.test/interop/gen/dstack/errors/v1"
	pb "dstack-node.test/interop/gen/dstack/kms/v1"
	"dstack-node.test/interop/gen/dstack/kms/v1/kmsv1connect"
)

func TestKms(t *testing.T) {
	s := loadSystem(t)
	for _, w := range wires {
		kms := func(name string) kmsv1connect.KMSClient {
			return kmsv1connect.NewKMSClient(tlsClient(t, s, name, w.http2), s.KmsURL, w.options...)
		}
		anonymous, app, other := kms(""), kms("app"), kms("otherApp")
		check(t, w.name+" KMS.GetMeta without a certificate", func(t *testing.T) { describesKms(t, anonymous, s) })
		check(t, w.name+" KMS.GetKey = GuestAgent.GetKey", func(t *testing.T) {
			equal(t, hex.EncodeToString(keyOf(t, app, s.KeyName)), s.ExpectedKey)
		})
		check(t, w.name+" KMS.GetKey: another application gets another key", func(t *testing.T) {
			if key := keyOf(t, other, s.KeyName); hex.EncodeToString(key) == s.ExpectedKey || len(key) != 32 {
				t.Fatal("the same key, or none")
			}
		})
		check(t, w.name+" KMS.GetAppKey", func(t *testing.T) {
			keys, err := app.GetAppKey(context.Background(), connect.NewRequest(&pb.GetAppKeyRequest{ApiVersion: 1}))
			must(t, err)
			equal(t, len(keys.Msg.K256Key)+len(keys.Msg.DiskCryptKey)+len(keys.Msg.EnvCryptKey), 96)
		})
		check(t, w.name+" KMS: UNAUTHORIZED without evidence", func(t *testing.T) {
			refused(t, anonymous, s, connect.CodeUnauthenticated, "UNAUTHORIZED")
		})
		check(t, w.name+" KMS: MEASUREMENT_NOT_FOUND for genuine evidence the policy does not list", func(t *testing.T) {
			refused(t, kms("unlisted"), s, connect.CodePermissionDenied, "MEASUREMENT_NOT_FOUND")
		})
		check(t, w.name+" KMS: KEY_NOT_FOUND for an undeclared name", func(t *testing.T) {
			declared := kms("declared")
			equal(t, len(keyOf(t, declared, "declared-key")), 32)
			refused(t, declared, s, connect.CodeNotFound, "KEY_NOT_FOUND")
		})
		check(t, w.name+" KMS: INTERNAL_ERROR while the policy cannot be read, and no longer", func(t *testing.T) {
			withGarbageIn(t, s.PolicyFile, func() { refused(t, app, s, connect.CodeInternal, "INTERNAL_ERROR") })
			equal(t, hex.EncodeToString(keyOf(t, app, s.KeyName)), s.ExpectedKey)
		})
	}
}

func describesKms(t *testing.T, kms kmsv1connect.KMSClient, s system) {
	meta, err := kms.GetMeta(context.Background(), connect.NewRequest(&emptypb.Empty{}))
	must(t, err)
	equal(t, hex.EncodeToString(meta.Msg.K256Pubkey), s.KmsRootPublicKey)
	ca, err := os.ReadFile(s.KmsCa)
	must(t, err)
	equal(t, strings.TrimSpace(meta.Msg.CaCert), strings.TrimSpace(string(ca)))
}

func keyOf(t *testing.T, kms kmsv1connect.KMSClient, name string) []byte {
	t.Helper()
	answer, err := kms.GetKey(context.Background(), connect.NewRequest(&pb.GetKeyRequest{Name: name}))
	must(t, err)
	return answer.Msg.Key
}

func refused(t *testing.T, kms kmsv1connect.KMSClient, s system, code connect.Code, ours string) {
	t.Helper()
	_, err := kms.GetKey(context.Background(), connect.NewRequest(&pb.GetKeyRequest{Name: s.KeyName}))
	refusedWith(t, err, code, ours)
}

// refusedWith wants an error of this code whose one detail, as the generated code reads it, carries ours.
func refusedWith(t *testing.T, err error, code connect.Code, ours string) {
	t.Helper()
	var refusal *connect.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal with %s", err, ours)
	}
	equal(t, refusal.Code(), code)
	equal(t, len(refusal.Details()), 1)
	value, err := refusal.Details()[0].Value()
	must(t, err)
	detail, is := value.(*errorsv1.ErrorDetail)
	if !is {
		t.Fatalf("the detail is a %T", value)
	}
	equal(t, detail.Code, ours)
}

func withGarbageIn(t *testing.T, path string, run func()) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	// Also when a check in run ends the test.
	defer func() { must(t, os.WriteFile(path, content, 0o600)) }()
	must(t, os.WriteFile(path, []byte("{ garbage"), 0o600))
	run()
}
