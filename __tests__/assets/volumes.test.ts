/**
 * What volumes.py takes for blank, ours or foreign, and how it changes keys, on plain files: this needs no kernel with
 * dm-crypt. Opening, mounting and mirrors are for a whole machine.
 */
import { missingProgram, runPythonTests } from "./python";

runPythonTests("volumes_test.py", missingProgram("cryptsetup", "blkid", "mkfs.ext4"));
