<?php
require $argv[1];
$headers = [];
foreach (file($argv[2], FILE_IGNORE_NEW_LINES) as $line) {
    [$name, $value] = explode(': ', $line, 2);
    $headers[$name] = $value;
}
echo verify($headers, file_get_contents($argv[3])) ? 'true' : 'false', "\n";
