// Signatures are verified in tests with what verifies them in the services.
import { useNativeP256 } from '../src/app/native-p256.js';

useNativeP256();
