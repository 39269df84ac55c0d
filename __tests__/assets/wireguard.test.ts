/** The mesh's keys and what WireGuard is told; nothing here makes an interface. */
import { missingProgram, runPythonTests } from "./python";

runPythonTests("wireguard_test.py", missingProgram("wg", "openssl"));
