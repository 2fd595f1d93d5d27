require_relative ARGV[0]
headers = File.readlines(ARGV[1], chomp: true).to_h { |line| line.split(': ', 2) }
puts verify(headers, File.binread(ARGV[2]))
